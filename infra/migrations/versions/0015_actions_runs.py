"""Dispatches to GitHub Actions, the inputs on their way, and GitHub's deliveries.

Revision: 0015.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# A dispatch is written down before GitHub is asked (ADR 0023): `asked_at` is empty only while it is
# certain that GitHub did not take the last one. What was intended never changes; a run is set once.
_RUNS = (
    """
    CREATE TABLE actions_runs (
        cast_id text PRIMARY KEY CHECK (cast_id ~ '^cast_[a-z2-7]{16}_[a-z2-7]{26}$'),
        repo text NOT NULL CHECK (length(repo) BETWEEN 3 AND 201),
        workflow text NOT NULL,
        ref text NOT NULL,
        intended_at timestamptz NOT NULL DEFAULT now(),
        asked_at timestamptz DEFAULT now(),
        run_id bigint CHECK (run_id > 0),
        html_url text,
        CHECK ((run_id IS NULL) = (html_url IS NULL)),
        CHECK (run_id IS NULL OR asked_at IS NOT NULL)
    )
    """,
    """
    CREATE UNIQUE INDEX ix_actions_runs_of_repo ON actions_runs (repo, run_id)
        WHERE run_id IS NOT NULL
    """,
    """
    CREATE FUNCTION check_actions_run_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.run_id IS NOT NULL
            OR to_jsonb(NEW) - 'asked_at' - 'run_id' - 'html_url'
                IS DISTINCT FROM to_jsonb(OLD) - 'asked_at' - 'run_id' - 'html_url' THEN
            RAISE EXCEPTION 'the dispatch of % never changes; its run is set once', OLD.cast_id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER actions_runs_set_once BEFORE UPDATE ON actions_runs
        FOR EACH ROW EXECUTE FUNCTION check_actions_run_change()
    """,
    """
    CREATE TRIGGER actions_runs_kept BEFORE DELETE ON actions_runs
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
# Only the token's hash is here: whoever reads the table cannot fetch inputs.
_INPUTS = (
    """
    CREATE TABLE run_inputs (
        token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
        cast_id text NOT NULL CHECK (cast_id ~ '^cast_[a-z2-7]{16}_[a-z2-7]{26}$'),
        blob_key text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        used_at timestamptz
    )
    """,
    "CREATE INDEX ix_run_inputs_of_cast ON run_inputs (cast_id)",
    "CREATE INDEX ix_run_inputs_expiry ON run_inputs (expires_at)",
    """
    CREATE FUNCTION check_run_inputs_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.used_at IS NOT NULL
            OR to_jsonb(NEW) - 'used_at' IS DISTINCT FROM to_jsonb(OLD) - 'used_at' THEN
            RAISE EXCEPTION 'an address of inputs never changes; it is used once'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER run_inputs_used_once BEFORE UPDATE ON run_inputs
        FOR EACH ROW EXECUTE FUNCTION check_run_inputs_change()
    """,
)
_DELIVERIES = (
    """
    CREATE TABLE github_deliveries (
        delivery_id text PRIMARY KEY CHECK (length(delivery_id) BETWEEN 8 AND 64),
        event text NOT NULL CHECK (length(event) BETWEEN 1 AND 64),
        cast_id text,
        received_at timestamptz NOT NULL DEFAULT now(),
        handled_at timestamptz
    )
    """,
    "CREATE INDEX ix_github_deliveries_received ON github_deliveries (received_at)",
)


def upgrade() -> None:
    """Create the tables, and the rules on what is set once."""
    for statement in (*_RUNS, *_INPUTS, *_DELIVERIES):
        op.execute(statement)
