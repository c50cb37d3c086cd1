"""Who may sign a maker's packages.

Revision: 0007.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# A rule that named an issuer alone would let in everybody who has an account there.
_IDENTITIES = """
CREATE TABLE signing_identities (
    id text PRIMARY KEY CHECK (id ~ '^sid_[a-z2-7]{16}$'),
    account_id text NOT NULL REFERENCES accounts (id),
    spell_key text,
    issuer text NOT NULL CHECK (length(issuer) BETWEEN 1 AND 512),
    identity text CHECK (length(identity) BETWEEN 1 AND 512),
    repository text CHECK (length(repository) BETWEEN 1 AND 140),
    ref text CHECK (length(ref) BETWEEN 1 AND 200),
    origin text NOT NULL CHECK (origin IN ('allowed', 'pinned')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (identity IS NOT NULL OR repository IS NOT NULL),
    CHECK (origin = 'allowed' OR spell_key IS NOT NULL),
    UNIQUE NULLS NOT DISTINCT (account_id, spell_key, issuer, identity, repository, ref)
)
"""


def upgrade() -> None:
    """Create the table; its unique key is also the index that rules are looked up by."""
    op.execute(_IDENTITIES)
