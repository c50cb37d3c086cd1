"""Webhook endpoints of accounts, what they are sent, and every attempt.

Revision: 0014.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
    op.execute("SELECT 1")
