"""Casts that did not succeed, until what their runs may have stored is deleted.

Revision: 0018.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # A queue: written when such a cast ends, taken off once its folder has been looked through.
    """
    CREATE TABLE cast_leftovers (
        cast_id text PRIMARY KEY REFERENCES casts (id),
        ended_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_cast_leftovers_ended ON cast_leftovers (ended_at)",
)


def upgrade() -> None:
    """Create the queue."""
    for statement in _STATEMENTS:
        op.execute(statement)
