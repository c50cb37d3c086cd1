"""What happens to published versions later: findings with their clocks, and who is told of them.

Revision: 0010.
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# A finding is opened once and closed once; what it was about never changes.
_FINDINGS = (
    """
    CREATE TABLE version_findings (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        spell_key text NOT NULL,
        version text NOT NULL,
        advisory_id text NOT NULL CHECK (length(advisory_id) BETWEEN 2 AND 128),
        aliases jsonb NOT NULL,
        purl text NOT NULL,
        code text NOT NULL,
        message text NOT NULL,
        details jsonb NOT NULL,
        snapshot text NOT NULL,
        opened_at timestamptz NOT NULL DEFAULT now(),
        due_at timestamptz NOT NULL,
        closed_at timestamptz,
        closed_as text CHECK (closed_as IN ('fixed', 'excepted', 'withdrawn', 'delisted')),
        FOREIGN KEY (spell_key, version) REFERENCES spell_versions (spell_key, version),
        CHECK ((closed_at IS NULL) = (closed_as IS NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX ix_version_findings_open
        ON version_findings (spell_key, version, advisory_id, purl) WHERE closed_at IS NULL
    """,
    """
    CREATE FUNCTION check_finding_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.closed_at IS NOT NULL
            OR to_jsonb(NEW) - 'closed_at' - 'closed_as'
                IS DISTINCT FROM to_jsonb(OLD) - 'closed_at' - 'closed_as' THEN
            RAISE EXCEPTION 'finding % never changes; it is closed once', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER version_findings_close_once BEFORE UPDATE ON version_findings
        FOR EACH ROW EXECUTE FUNCTION check_finding_change()
    """,
    """
    CREATE TRIGGER version_findings_kept BEFORE DELETE ON version_findings
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
_NOTIFICATIONS = (
    """
    CREATE TABLE notification_channels (
        account_id text NOT NULL REFERENCES accounts (id),
        kind text NOT NULL CHECK (kind IN ('email', 'webhook')),
        ciphertext bytea NOT NULL CHECK (length(ciphertext) > 28),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (account_id, kind)
    )
    """,
    """
    CREATE TABLE notifications (
        id text PRIMARY KEY CHECK (id ~ '^msg_[a-z2-7]{26}$'),
        reference text NOT NULL UNIQUE,
        account_id text NOT NULL REFERENCES accounts (id),
        kind text NOT NULL,
        spell_key text,
        version text,
        details jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_notifications_of_account ON notifications (account_id, created_at)",
    """
    CREATE TABLE notification_deliveries (
        notification_id text NOT NULL REFERENCES notifications (id),
        channel text NOT NULL CHECK (channel IN ('email', 'webhook')),
        state text NOT NULL DEFAULT 'pending'
            CHECK (state IN ('pending', 'delivered', 'dead', 'dropped')),
        attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        last_error text,
        relayed_at timestamptz,
        ended_at timestamptz,
        PRIMARY KEY (notification_id, channel),
        CHECK ((state = 'pending') = (ended_at IS NULL))
    )
    """,
    """
    CREATE INDEX ix_notification_deliveries_pending ON notification_deliveries (relayed_at)
        WHERE state = 'pending'
    """,
    """
    CREATE TRIGGER notifications_append_only BEFORE UPDATE OR DELETE ON notifications
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    """Create the tables, and the rules on what is only ever added to."""
    for statement in (*_FINDINGS, *_NOTIFICATIONS):
        op.execute(statement)
