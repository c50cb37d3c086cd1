"""Dispatches to GitHub Actions, the inputs on their way, and GitHub's deliveries.

Revision: 0012.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""
    op.execute("SELECT 1")
