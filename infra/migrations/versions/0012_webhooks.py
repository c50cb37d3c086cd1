"""Webhook endpoints of accounts, what they are sent, and every attempt.

The notification channel of kind `webhook` becomes an endpoint: its row is moved as it is, with its
secret, and what is on its way goes on under the same ids.

Revision: 0012.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES = (
    """
    CREATE TABLE webhook_endpoints (
        id text PRIMARY KEY CHECK (id ~ '^whe_[a-z2-7]{16}$'),
        account_id text NOT NULL REFERENCES accounts (id),
        ciphertext bytea NOT NULL CHECK (length(ciphertext) > 28),
        events text[] NOT NULL CHECK (cardinality(events) BETWEEN 1 AND 64),
        description text NOT NULL DEFAULT '' CHECK (length(description) <= 200),
        enabled boolean NOT NULL DEFAULT true,
        disabled_reason text,
        failing_since timestamptz,
        previous_secret_until timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        CHECK (disabled_reason IS NULL OR NOT enabled)
    )
    """,
    "CREATE INDEX ix_webhook_endpoints_of_account ON webhook_endpoints (account_id, created_at)",
    """
    CREATE TABLE callback_secrets (
        account_id text PRIMARY KEY REFERENCES accounts (id),
        generation integer NOT NULL CHECK (generation > 1),
        rotated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE cast_callbacks (
        cast_id text PRIMARY KEY REFERENCES casts (id),
        ciphertext bytea NOT NULL CHECK (length(ciphertext) > 28),
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_cast_callbacks_created_at ON cast_callbacks (created_at)",
    """
    CREATE TABLE webhook_messages (
        id text PRIMARY KEY CHECK (id ~ '^msg_[a-z2-7]{26}$'),
        account_id text NOT NULL REFERENCES accounts (id),
        event text NOT NULL CHECK (length(event) BETWEEN 1 AND 64),
        cast_id text REFERENCES casts (id),
        data jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_webhook_messages_of_account ON webhook_messages (account_id, created_at)",
    "CREATE INDEX ix_webhook_messages_created_at ON webhook_messages (created_at)",
    """
    CREATE TABLE webhook_deliveries (
        message_id text NOT NULL REFERENCES webhook_messages (id),
        target text NOT NULL CHECK (target ~ '^whe_[a-z2-7]{16}$' OR target = 'callback'),
        state text NOT NULL DEFAULT 'pending'
            CHECK (state IN ('pending', 'delivered', 'dead', 'dropped')),
        attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
        last_error text,
        created_at timestamptz NOT NULL DEFAULT now(),
        relayed_at timestamptz,
        ended_at timestamptz,
        PRIMARY KEY (message_id, target),
        CHECK ((state = 'pending') = (ended_at IS NULL))
    )
    """,
    """
    CREATE INDEX ix_webhook_deliveries_pending ON webhook_deliveries (relayed_at)
        WHERE state = 'pending'
    """,
    """
    CREATE INDEX ix_webhook_deliveries_of_target
        ON webhook_deliveries (target, created_at, message_id)
    """,
    """
    CREATE TABLE webhook_attempts (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        message_id text NOT NULL,
        target text NOT NULL,
        status_code integer CHECK (status_code BETWEEN 100 AND 999),
        milliseconds integer NOT NULL CHECK (milliseconds >= 0),
        error text,
        at timestamptz NOT NULL DEFAULT now(),
        FOREIGN KEY (message_id, target)
            REFERENCES webhook_deliveries (message_id, target) ON DELETE CASCADE
    )
    """,
    """
    CREATE INDEX ix_webhook_attempts_of_delivery ON webhook_attempts (message_id, target, id)
    """,
)
# Their age takes them away, and nothing else changes them.
_RULES = tuple(
    f"""
    CREATE TRIGGER {table}_never_change BEFORE UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """
    for table in ("webhook_messages", "webhook_attempts", "cast_callbacks")
)
# The sixteen hex digits become the letters a to p, which are among the thirty-two of our ids.
MOVED = (
    """
    INSERT INTO webhook_endpoints (id, account_id, ciphertext, events, created_at, updated_at)
    SELECT 'whe_' || substr(translate(md5(account_id || gen_random_uuid()::text),
            '0123456789', 'ghijklmnop'), 1, 16),
        account_id, ciphertext, ARRAY['finding.*', 'delisting.*', 'version.*', 'spell.*',
            'revocation.*', 'endpoint.*'], created_at, updated_at
    FROM notification_channels WHERE kind = 'webhook'
    """,
    """
    INSERT INTO webhook_messages (id, account_id, event, data, created_at)
    SELECT n.id, n.account_id, n.kind,
        jsonb_build_object('spell', n.spell_key, 'version', n.version) || n.details, n.created_at
    FROM notifications n JOIN notification_deliveries d ON d.notification_id = n.id
    JOIN webhook_endpoints e ON e.account_id = n.account_id WHERE d.channel = 'webhook'
    """,
    """
    INSERT INTO webhook_deliveries
        (message_id, target, state, attempts, last_error, created_at, ended_at)
    SELECT n.id, e.id, d.state, d.attempts, d.last_error, n.created_at, d.ended_at
    FROM notifications n JOIN notification_deliveries d ON d.notification_id = n.id
    JOIN webhook_endpoints e ON e.account_id = n.account_id WHERE d.channel = 'webhook'
    """,
    "DELETE FROM notification_deliveries WHERE channel = 'webhook'",
    "DELETE FROM notification_channels WHERE kind = 'webhook'",
    # A row that code of before writes now would be read by nobody: it is told so.
    """
    ALTER TABLE notification_channels DROP CONSTRAINT notification_channels_kind_check,
        ADD CONSTRAINT notification_channels_kind_check CHECK (kind = 'email')
    """,
    """
    ALTER TABLE notification_deliveries DROP CONSTRAINT notification_deliveries_channel_check,
        ADD CONSTRAINT notification_deliveries_channel_check CHECK (channel = 'email')
    """,
)


def upgrade() -> None:
    """Create the tables and their rules; move the webhooks that there are."""
    for statement in (*_TABLES, *_RULES, *MOVED):
        op.execute(statement)
