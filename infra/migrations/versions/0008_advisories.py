"""Known vulnerabilities: records of OSV, the groups they make, what was imported, what is excepted.

Revision: 0008.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_RECORDS = (
    """
    CREATE TABLE advisories (
        id text PRIMARY KEY CHECK (length(id) BETWEEN 2 AND 128),
        source text NOT NULL,
        modified_at timestamptz NOT NULL,
        withdrawn_at timestamptz,
        aliases text[] NOT NULL,
        group_id text NOT NULL,
        summary text NOT NULL,
        vectors text[] NOT NULL,
        score double precision CHECK (score BETWEEN 0 AND 10),
        vector text,
        malicious boolean NOT NULL,
        digest bytea NOT NULL CHECK (length(digest) = 32),
        CHECK ((score IS NULL) = (vector IS NULL))
    )
    """,
    """
    CREATE TABLE advisory_packages (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        advisory_id text NOT NULL REFERENCES advisories (id) ON DELETE CASCADE,
        ecosystem text NOT NULL,
        release text NOT NULL,
        name text NOT NULL,
        ranges jsonb NOT NULL,
        versions text[] NOT NULL
    )
    """,
    "CREATE INDEX ix_advisory_packages_by_name ON advisory_packages (ecosystem, name)",
    "CREATE INDEX ix_advisory_packages_by_advisory ON advisory_packages (advisory_id)",
    """
    CREATE TABLE advisory_groups (
        id text PRIMARY KEY,
        ids text[] NOT NULL,
        score double precision,
        vector text,
        summary text NOT NULL,
        malicious boolean NOT NULL
    )
    """,
)
# A decision names its snapshot, so what a snapshot was can never be told otherwise.
_SNAPSHOTS = (
    """
    CREATE TABLE advisory_snapshots (
        number bigint PRIMARY KEY CHECK (number > 0),
        taken_at timestamptz NOT NULL DEFAULT now(),
        records integer NOT NULL CHECK (records >= 0),
        sources jsonb NOT NULL
    )
    """,
    """
    CREATE TRIGGER advisory_snapshots_append_only BEFORE UPDATE OR DELETE
        ON advisory_snapshots FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER advisory_snapshots_no_truncate BEFORE TRUNCATE
        ON advisory_snapshots FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TABLE advisory_sources (
        name text PRIMARY KEY,
        newest_modified timestamptz,
        digest text,
        checked_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)
# An exception lets a vulnerability pass: who said so, why and how long can never be told otherwise.
_EXCEPTIONS = (
    """
    CREATE TABLE advisory_exceptions (
        id text PRIMARY KEY CHECK (id ~ '^exc_[a-z2-7]{16}$'),
        advisory_id text NOT NULL CHECK (length(advisory_id) BETWEEN 2 AND 128),
        purl text,
        spell_key text,
        justification text NOT NULL CHECK (justification IN (
            'component_not_present', 'vulnerable_code_not_present',
            'vulnerable_code_not_in_execute_path',
            'vulnerable_code_cannot_be_controlled_by_adversary',
            'inline_mitigations_already_exist')),
        statement text NOT NULL CHECK (length(statement) BETWEEN 1 AND 1000),
        added_by text NOT NULL CHECK (length(added_by) BETWEEN 1 AND 128),
        added_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        removed_at timestamptz,
        removed_by text,
        CHECK (expires_at > added_at AND expires_at <= added_at + interval '366 days'),
        CHECK ((removed_at IS NULL) = (removed_by IS NULL))
    )
    """,
    """
    CREATE INDEX ix_advisory_exceptions_in_force ON advisory_exceptions (expires_at)
        WHERE removed_at IS NULL
    """,
    """
    CREATE FUNCTION check_exception_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.removed_at IS NOT NULL
            OR to_jsonb(NEW) - 'removed_at' - 'removed_by'
                IS DISTINCT FROM to_jsonb(OLD) - 'removed_at' - 'removed_by' THEN
            RAISE EXCEPTION 'exception % never changes; it can be removed once', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER advisory_exceptions_removed_once BEFORE UPDATE ON advisory_exceptions
        FOR EACH ROW EXECUTE FUNCTION check_exception_change()
    """,
    """
    CREATE TRIGGER advisory_exceptions_kept BEFORE DELETE ON advisory_exceptions
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER advisory_exceptions_no_truncate BEFORE TRUNCATE
        ON advisory_exceptions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    """Create the tables, and the rules on what is only ever added to."""
    for statement in (*_RECORDS, *_SNAPSHOTS, *_EXCEPTIONS):
        op.execute(statement)
