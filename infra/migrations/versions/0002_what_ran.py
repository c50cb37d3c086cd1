"""What a version may reach, and what ran: policy, target, run records, violations, stages.

Revision: 0002.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Versions published before could reach nothing, and their clock and random numbers were real.
_VERSIONS = """
ALTER TABLE spell_versions
    ADD COLUMN target text NOT NULL DEFAULT 'wasm32-wasip1'
        CHECK (target IN ('wasm32-wasip1', 'wasm32-wasip2')),
    ADD COLUMN policy jsonb NOT NULL DEFAULT '{"deterministic": false}'
"""
_CASTS = """
ALTER TABLE casts
    ADD COLUMN record jsonb,
    ADD COLUMN violations jsonb,
    ADD COLUMN stages jsonb
"""
# Suspension counts a spell's violations of the last day.
_VIOLATIONS = """
CREATE INDEX ix_casts_with_violations ON casts (spell_key, finished_at)
    WHERE violations IS NOT NULL
"""


def upgrade() -> None:
    """Add the columns; nothing is rewritten."""
    for statement in (_VERSIONS, _CASTS, _VIOLATIONS):
        op.execute(statement)
