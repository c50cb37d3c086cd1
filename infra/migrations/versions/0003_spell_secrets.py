"""Makers' secrets, encrypted: what a spell's environment is made of.

Revision: 0003.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A ciphertext is a nonce of 12 bytes, a tag of 16, and something between them.
_SECRETS = """
CREATE TABLE spell_secrets (
    spell_key text NOT NULL REFERENCES spells (key),
    name text NOT NULL CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_]{0,127}$'),
    ciphertext bytea NOT NULL CHECK (length(ciphertext) > 28),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (spell_key, name)
)
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(_SECRETS)
