"""Which servers are started here, and where each one then is; the user's own are used as they are.

`external` holds the user's variables: one of the names below replaces the server of ours.
"""

from collections.abc import Mapping

from infra.embedded import binaries
from infra.embedded.credentials import Credentials
from infra.embedded.environment import Endpoints
from infra.embedded.errors import EmbeddedPlatformError
from infra.embedded.github_server import app_environment, github_spec
from infra.embedded.layout import Layout
from infra.embedded.nats_permissions import PLATFORM_USER, RUNNER_USER
from infra.embedded.nats_server import nats_spec, nats_url
from infra.embedded.own_processes import PlatformContext
from infra.embedded.ports import LOOPBACK
from infra.embedded.postgres_server import database_url
from infra.embedded.process_spec import ProcessSpec
from infra.embedded.redis_server import IN_PROCESS_URL, redis_spec, redis_url
from infra.embedded.sigstore.files import url_of
from infra.embedded.sigstore_server import sigstore_spec, trusted_root_file
from infra.embedded.stripe import files as stripe_files
from infra.embedded.stripe_server import stripe_spec
from infra.embedded.temporal_server import temporal_spec

DATABASE = "SPELL_DATABASE_URL"
TEMPORAL = "SPELL_TEMPORAL_ADDRESS"
TEMPORAL_UI = "SPELL_TEMPORAL_UI_URL"
NATS = "SPELL_NATS_URL"
RUNNER_NATS = "SPELL_RUNNER_NATS_URL"
REDIS = "SPELL_REDIS_URL"
OBJECT_STORE = "SPELL_OBJECT_STORE_URL"
TRUST_ROOT = "SPELL_TRUST_ROOT_FILE"
STRIPE = "SPELL_STRIPE_URL"
GITHUB = "SPELL_GITHUB_API_URL"


def needed_ports(external: Mapping[str, str]) -> list[str]:
    """The names of the ports to choose: of the API, and of each server that is started here.

    Raises:
        EmbeddedPlatformError: the platform has an external bus, but the runner has none.
    """
    if NATS in external and RUNNER_NATS not in external:
        raise EmbeddedPlatformError(
            f"{NATS} is set, so {RUNNER_NATS} is needed too: the runner has a bus user of its own, "
            "with the permissions listed in docs/embedded.md."
        )
    names = ["api"]
    if DATABASE not in external:
        names.append("postgres")
    if TEMPORAL not in external:
        names += ["temporal", "temporal_http", "temporal_ui"]
    if NATS not in external:
        names.append("nats")
    if REDIS not in external and binaries.redis_server() is not None:
        names.append("redis")
    stand_ins = {TRUST_ROOT: "sigstore", GITHUB: "github", STRIPE: "stripe"}
    return [*names, *(name for variable, name in stand_ins.items() if variable not in external)]


def endpoints(
    layout: Layout,
    ports: Mapping[str, int],
    credentials: Credentials,
    external: Mapping[str, str],
) -> Endpoints:
    """Where everything is.

    Args:
        layout: the data directory.
        ports: those of `needed_ports`, chosen.
        credentials: the data directory's keys.
        external: the user's variables, which win.
    """
    ours: dict[str, str] = {OBJECT_STORE: layout.objects.as_uri(), REDIS: IN_PROCESS_URL}
    if "postgres" in ports:
        ours[DATABASE] = database_url(layout, ports["postgres"], credentials)
    if "temporal" in ports:
        ours[TEMPORAL] = f"{LOOPBACK}:{ports['temporal']}"
        ours[TEMPORAL_UI] = f"http://{LOOPBACK}:{ports['temporal_ui']}"
    if "nats" in ports:
        port = ports["nats"]
        ours[NATS] = nats_url(PLATFORM_USER, credentials.nats_platform_password, port)
        ours[RUNNER_NATS] = nats_url(RUNNER_USER, credentials.nats_runner_password, port)
    if "redis" in ports:
        ours[REDIS] = redis_url(credentials.redis_password, ports["redis"])
    if "sigstore" in ports:
        ours[TRUST_ROOT] = str(trusted_root_file(layout))
    where = {TEMPORAL_UI: "", **ours, **external}
    return Endpoints(
        api_url=f"http://{LOOPBACK}:{ports['api']}",
        database_url=where[DATABASE],
        temporal_address=where[TEMPORAL],
        temporal_ui_url=where[TEMPORAL_UI],
        nats_url=where[NATS],
        runner_nats_url=where[RUNNER_NATS],
        redis_url=where[REDIS],
        object_store_url=where[OBJECT_STORE],
        trust_root_file=where[TRUST_ROOT],
        sigstore_url=url_of(ports["sigstore"]) if "sigstore" in ports else "",
        stripe_url=stripe_files.url_of(ports["stripe"]) if "stripe" in ports else "",
        github=app_environment(ports["github"], credentials) if "github" in ports else {},
    )


def plain_servers(context: PlatformContext) -> list[ProcessSpec]:
    """The servers that are started here and are no more than a process: all but Postgres."""
    layout, ports, keys = context.layout, context.ports, context.credentials
    specs = []
    if "temporal" in ports:
        specs.append(
            temporal_spec(
                layout,
                port=ports["temporal"],
                http_port=ports["temporal_http"],
                ui_port=ports["temporal_ui"],
                codec_url=f"{context.endpoints.api_url}/codec",
            )
        )
    if "nats" in ports:
        specs.append(nats_spec(layout, ports["nats"], keys))
    program = binaries.redis_server()
    if "redis" in ports and program is not None:
        specs.append(redis_spec(program, layout, ports["redis"], keys))
    if "sigstore" in ports:
        specs.append(sigstore_spec(layout, ports["sigstore"], keys))
    if "stripe" in ports:
        specs.append(stripe_spec(layout, ports["stripe"], keys, context.endpoints.api_url))
    if "github" in ports:
        specs.append(github_spec(layout, ports["github"], keys, context.endpoints.api_url))
    return specs
