"""GitHub users that accounts are connected with, and codes that wait for a person.

Revision: 0016.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# One user for each account, and one account for each user (ADR 0026). Tokens are encrypted under
# the account's key: a row that somebody moved to another account opens for nobody.
_TABLES = (
    """
    CREATE TABLE github_connections (
        account_id text PRIMARY KEY REFERENCES accounts (id),
        github_user_id bigint NOT NULL UNIQUE CHECK (github_user_id > 0),
        login text NOT NULL CHECK (length(login) BETWEEN 1 AND 100),
        ciphertext bytea NOT NULL CHECK (length(ciphertext) > 28),
        token_expires_at timestamptz,
        expires_at timestamptz,
        connected_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        CHECK (expires_at IS NULL OR token_expires_at IS NOT NULL)
    )
    """,
    """
    CREATE TABLE github_device_codes (
        account_id text PRIMARY KEY REFERENCES accounts (id),
        ciphertext bytea NOT NULL CHECK (length(ciphertext) > 28),
        interval_seconds integer NOT NULL CHECK (interval_seconds BETWEEN 1 AND 300),
        asked_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        CHECK (expires_at > created_at AND expires_at <= created_at + interval '1 hour')
    )
    """,
    "CREATE INDEX ix_github_device_codes_expiry ON github_device_codes (expires_at)",
    # Another user is another connection: what one was granted is never the other's.
    """
    CREATE FUNCTION check_github_connection_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.account_id <> OLD.account_id THEN
            RAISE EXCEPTION 'a connection never changes its account'
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.github_user_id <> OLD.github_user_id
            AND (NEW.ciphertext = OLD.ciphertext OR NEW.connected_at = OLD.connected_at) THEN
            RAISE EXCEPTION 'another user has tokens, and a time, of their own'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER github_connections_of_one_account BEFORE UPDATE ON github_connections
        FOR EACH ROW EXECUTE FUNCTION check_github_connection_change()
    """,
)


def upgrade() -> None:
    """Create the tables, and the rule that nobody gets another's tokens."""
    for statement in _TABLES:
        op.execute(statement)
