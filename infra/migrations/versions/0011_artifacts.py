"""Artifacts of casts, and how long they are kept.

Revision: 0011.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # What a cast left besides its output. Only that its content is gone is ever added.
    """
    CREATE TABLE artifacts (
        cast_id text NOT NULL REFERENCES casts (id),
        name text NOT NULL CHECK (length(name) <= 200 AND name <> 'output.json'
            AND name ~ '^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$'),
        account_id text NOT NULL REFERENCES accounts (id),
        content_type text NOT NULL CHECK (length(content_type) BETWEEN 1 AND 128),
        digest text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
        bytes bigint NOT NULL CHECK (bytes >= 0),
        blob_key text NOT NULL UNIQUE,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        deleted_at timestamptz,
        PRIMARY KEY (cast_id, name),
        CHECK (expires_at >= created_at),
        CHECK (deleted_at IS NULL OR deleted_at >= expires_at)
    )
    """,
    "CREATE INDEX ix_artifacts_kept ON artifacts (expires_at) WHERE deleted_at IS NULL",
    """
    CREATE FUNCTION check_artifact_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.deleted_at IS NOT NULL
            OR to_jsonb(NEW) - 'deleted_at' IS DISTINCT FROM to_jsonb(OLD) - 'deleted_at' THEN
            RAISE EXCEPTION 'artifact % of % never changes; it is deleted once',
                OLD.name, OLD.cast_id USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER artifacts_deleted_once BEFORE UPDATE ON artifacts
        FOR EACH ROW EXECUTE FUNCTION check_artifact_change()
    """,
    """
    CREATE TRIGGER artifacts_kept BEFORE DELETE ON artifacts
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    # One-use links that were used: whoever writes the row first has the content.
    """
    CREATE TABLE used_artifact_links (
        nonce text PRIMARY KEY CHECK (length(nonce) BETWEEN 16 AND 64),
        expires_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX ix_used_artifact_links_expiry ON used_artifact_links (expires_at)",
    # Outputs and error streams whose time is up are found by the end of their cast.
    "CREATE INDEX ix_casts_with_output ON casts (finished_at) WHERE output_key IS NOT NULL",
    "CREATE INDEX ix_casts_with_stderr ON casts (finished_at) WHERE stderr_key IS NOT NULL",
)


def upgrade() -> None:
    """Create the tables, and the rules on what only ever is deleted once."""
    for statement in _STATEMENTS:
        op.execute(statement)
