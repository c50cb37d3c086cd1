"""Platform maxima: what no manifest and no request may exceed. Units are in the names."""

from datetime import timedelta

MIB = 1024 * 1024

# Requests.
INPUTS_BYTES_MAX = 4 * MIB
IDEMPOTENCY_KEY_CHARS_MAX = 255
PREFER_WAIT_SECONDS_MAX = 60
LIST_LIMIT_MAX = 100

# Packages.
PACKAGE_BYTES_MAX = 48 * MIB
PACKAGE_ENTRIES_MAX = 512
PACKAGE_NAME_BYTES_MAX = 200
MODULE_BYTES_MAX = 5_000_000
# Components carry an interpreter: componentize-py's is 18 MB.
COMPONENT_BYTES_MAX = 24 * MIB
# What a module may read of its package's resources/, together.
RESOURCES_BYTES_MAX = 16 * MIB
MANIFEST_BYTES_MAX = 64 * 1024
SCHEMA_BYTES_MAX = 256 * 1024
TEXT_FILE_BYTES_MAX = MIB
# One request of a resumable upload, and how many may make up one archive.
UPLOAD_CHUNK_BYTES_MAX = 8 * MIB
UPLOAD_CHUNKS_MAX = 256
UPLOADS_OPEN_MAX = 16
PUBLICATIONS_RUNNING_MAX = 16
UPLOAD_LIFETIME = timedelta(hours=24)
# What a body may take as a whole, and how long nothing of it may come.
BODY_SECONDS_MAX = 300.0
BODY_IDLE_SECONDS_MAX = 20.0
# A Sigstore bundle has about 6 KiB; a DSSE envelope carries its statement along.
SIGNATURE_BYTES_MAX = 256 * 1024
# Sigstore's own has 7 KiB.
TRUST_ROOT_BYTES_MAX = MIB
BILL_BYTES_MAX = 8 * MIB

# Modules, compiled code and archives of resources travel to runners through one bucket.
BUS_OBJECT_BYTES_MAX = 256 * MIB

# Runs.
TIMEOUT_MS_MAX = 300_000
MEMORY_MB_MAX = 512
OUTPUT_MB_MAX = 4
FUEL_MAX = 1_000_000_000_000
STACK_BYTES = 512 * 1024
TABLE_ELEMENTS_MAX = 100_000
# Core modules that a component may be made of, and memories that they may have together.
COMPONENT_INSTANCES_MAX = 100
COMPONENT_MEMORIES_MAX = 10
STDERR_BYTES_MAX = 64 * 1024
HOST_CALLS_MAX = 100_000_000
HOST_CALLS_DEFAULT = 10_000_000
OPEN_FILES_MAX = 64
SCRATCH_MB_MAX = 64
SCRATCH_MB_DEFAULT = 16
NET_REQUESTS_MAX = 100
NET_REQUESTS_DEFAULT = 10
NET_MB_MAX = 16
NET_MB_DEFAULT = 4
VIOLATIONS_MAX = 32
# As large as a sandbox process can make them (runner/processes/wire.py).
VERDICT_DETAILS_BYTES_MAX = 64 * 1024
# The maker's secrets that a spell's environment is made of.
SECRET_BYTES_MAX = 8 * 1024
SECRETS_PER_SPELL_MAX = 32
# Rules that an account sets on who may sign its packages.
SIGNING_IDENTITIES_MAX = 100
# Progress reports of one run: what exceeds the pace is coalesced, what exceeds the size is cut.
PROGRESS_PER_SECOND_MAX = 10
PROGRESS_BYTES_MAX = 1024

# Runs on GitHub Actions: GitHub's own bound on a job is six hours.
ACTIONS_TIMEOUT_MS_MAX = 6 * 60 * 60 * 1000
# Between the dispatch and GitHub starting the first job; after it the run is cancelled, uncharged.
ACTIONS_QUEUE_SECONDS_MAX = 15 * 60
# How long an unknown dispatch is looked for before it counts as lost.
DISPATCH_SEARCH_SECONDS_MAX = 120
# What the inputs' one-use address is good for: GitHub's queue, and the set-up of a job.
RUN_INPUTS_LIFETIME = timedelta(minutes=30)

# Artifacts of a cast.
ARTIFACT_BYTES_MAX = 64 * MIB
ARTIFACTS_BYTES_MAX = 256 * MIB
ARTIFACTS_PER_CAST_MAX = 32
ARTIFACT_NAME_CHARS_MAX = 200
# Of a run in the sandbox, all together: they travel in the verdict, beside the output, and one
# message on the bus has 8 MiB of base64.
RUN_ARTIFACTS_MB_MAX = 4
RUN_ARTIFACTS_MB_DEFAULT = 1
RUN_LEAVES_MB_MAX = 5
"""Output and artifacts of one run together."""
# Files and folders that a run may have below /artifacts at a time.
RUN_ARTIFACT_ENTRIES_MAX = 128
# A result above this is not in the cast's document, but an artifact to fetch.
INLINE_RESULT_BYTES_MAX = 64 * 1024
ARTIFACT_LIFETIME = timedelta(days=30)
# What a spell wrote to its error stream.
LOGS_LIFETIME = timedelta(days=90)
# Pieces in which artifacts are encrypted and read: memory holds one of each reader.
ARTIFACT_PIECE_BYTES = MIB
ARTIFACT_LINK_SECONDS_MAX = 3600
ARTIFACT_LINK_SECONDS = 300

# How long a buyer has to pay: Stripe keeps a page open for a day at most.
PURCHASE_PAYMENT_LIFETIME = timedelta(hours=23)
# How often an unpaid page is looked at, should no webhook say that it is paid: ever more seldom.
PURCHASE_LOOK_SECONDS_MIN = 60
PURCHASE_LOOK_SECONDS_MAX = 1800
STRIPE_EVENT_BYTES_MAX = 1024 * 1024
# Of the inbox, at a time and at one look.
STRIPE_EVENTS_PER_PAGE = 100
STRIPE_EVENTS_PER_LOOK_MAX = 10_000

# How long a run may wait for a runner before the platform gives up, uncharged.
QUEUE_SECONDS_MAX = 120
# What a verdict may lag behind the guest's own deadline: kill, publish, redelivery.
VERDICT_GRACE_SECONDS = 60
# Deliveries of one run to runners before it is given up as RUNNER_LOST.
RUN_DELIVERIES_MAX = 4

# Checks of untrusted schemas and values, in killable processes.
SCHEMA_CHECK_SECONDS_MAX = 2.0
# Reading or converting one bill of materials, in a killable process as well. 1,000 components take
# 2 seconds of an idle machine.
BILL_CHECK_SECONDS_MAX = 60.0
# What a document may cost; its wall time is longer, because a machine may be busy.
BILL_CHECK_CPU_SECONDS_MAX = 30.0
BILL_CHECK_MEMORY_BYTES_MAX = 1024 * MIB
BILL_COMPONENTS_MAX = 10_000
# Reasons of one check of the gate, as JSON: those of four travel in one message of a workflow,
# which holds 2 MiB.
CHECK_REASONS_BYTES_MAX = 128 * 1024
# Validating and compiling one module at publish.
MODULE_CHECK_SECONDS_MAX = 60.0
MODULE_CHECK_MEMORY_BYTES_MAX = 2048 * MIB
# Compiled code is 2 to 14 times its module. It travels with a signature.
COMPILED_BYTES_MAX = BUS_OBJECT_BYTES_MAX - MIB

# Webhooks.
WEBHOOK_ENDPOINTS_MAX = 16
WEBHOOK_DESCRIPTION_CHARS_MAX = 200
# Standard Webhooks: below 20 kB. What tells more than that is cut to its ids.
WEBHOOK_BODY_BYTES_MAX = 20_000
WEBHOOK_SECONDS_MAX = 15.0
# How long both secrets sign after a rotation.
WEBHOOK_SECRET_OVERLAP = timedelta(hours=24)
# An endpoint that took nothing for so long is disabled.
WEBHOOK_FAILING_MAX = timedelta(days=5)
# Messages, their deliveries and attempts are kept so long; what is on its way is kept longer.
WEBHOOK_MESSAGES_LIFETIME = timedelta(days=30)
# What is sent at a time, by each worker: a slow receiver must hold up nobody else.
WEBHOOK_SENDS_PER_TARGET_MAX = 8
WEBHOOK_SENDS_PER_ACCOUNT_MAX = 32
WEBHOOK_TESTS_PER_HOUR_MAX = 60

# Between saying "stop" to the runners and deciding that none of them holds the cast.
STOP_GRACE = timedelta(seconds=2)

# Ten casts with violations of policy in a day suspend a spell (product.md 5). One caster counts for
# so many of them at most, so that no single account can have another maker's spell suspended.
SUSPENDING_VIOLATIONS = 10
VIOLATIONS_PER_CASTER_MAX = 3
VIOLATION_HOURS = 24

# Addresses of notifications are not confirmed, so nobody's may be filled at will.
NOTIFICATIONS_PER_DAY_MAX = 100

# Casts on a schedule.
SCHEDULE_SECONDS_MAX = 366 * 86_400
SCHEDULE_INPUTS_BYTES_MAX = 256 * 1024
SCHEDULE_REFUSALS_MAX = 5
"""Refused casts in a row after which a schedule pauses."""
BACKFILL_TIMES_MAX = 100
BACKFILL_RANGE = timedelta(days=31)
