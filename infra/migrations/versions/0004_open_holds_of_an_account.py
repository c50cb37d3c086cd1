"""Count an account's open holds without looking at anybody else's.

Revision: 0004.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index: one scan of the holds, and small, since few holds are open."""
    op.execute("CREATE INDEX ix_holds_open_by_account ON holds (account_id) WHERE state = 'held'")
