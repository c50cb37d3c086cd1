"""What a version offers besides its first mode, and which one a cast took.

Revision: 0014.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# What the runner fleet needs to know is known of versions that run there, and of no others.
_SERVICE = ("module_digest", "module_bytes", "entry", "target", "limits", "policy")
_MODES = "ARRAY['service', 'workflow', 'clone']"
_VERSIONS = (
    # The code of before says no modes: what it publishes runs in the fleet.
    """
    ALTER TABLE spell_versions
        ADD COLUMN modes text[] NOT NULL DEFAULT ARRAY['service'],
        ADD COLUMN fallback text,
        ADD COLUMN actions jsonb,
        ADD COLUMN clone jsonb,
        ALTER COLUMN schemas DROP NOT NULL
    """,
    *(f"ALTER TABLE spell_versions ALTER COLUMN {name} DROP NOT NULL" for name in _SERVICE),
    f"""
    ALTER TABLE spell_versions
        ADD CONSTRAINT spell_versions_modes CHECK (
            cardinality(modes) > 0 AND modes <@ {_MODES} AND modes[1] = mode),
        ADD CONSTRAINT spell_versions_fallback CHECK (
            fallback IN ('service', 'workflow') AND fallback = ANY (modes) AND fallback <> mode),
        ADD CONSTRAINT spell_versions_service CHECK (
            num_nonnulls({", ".join(_SERVICE)})
                = CASE WHEN 'service' = ANY (modes) THEN {len(_SERVICE)} ELSE 0 END),
        ADD CONSTRAINT spell_versions_actions CHECK (
            ('workflow' = ANY (modes)) = (actions IS NOT NULL)),
        ADD CONSTRAINT spell_versions_clone CHECK (
            ('clone' = ANY (modes)) = (clone IS NOT NULL)),
        ADD CONSTRAINT spell_versions_schemas CHECK (
            schemas IS NOT NULL OR modes = ARRAY['clone'])
    """,
)

# A cast changes its mode at most once, to its fallback, and only while nothing of it has run.
_CASTS = (
    """
    ALTER TABLE casts
        ADD COLUMN fell_back jsonb,
        ADD CONSTRAINT casts_mode CHECK (mode IN ('service', 'workflow', 'clone')),
        ADD CONSTRAINT casts_fell_back CHECK (fell_back ->> 'mode' = mode)
    """,
    """
    CREATE FUNCTION check_cast_mode() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.mode, NEW.fell_back) IS NOT DISTINCT FROM (OLD.mode, OLD.fell_back) THEN
            RETURN NEW;
        END IF;
        IF OLD.status <> 'queued' OR OLD.fell_back IS NOT NULL OR NEW.fell_back IS NULL THEN
            RAISE EXCEPTION 'cast % keeps its mode %', OLD.id, OLD.mode
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER casts_mode_once BEFORE UPDATE OF mode, fell_back ON casts
        FOR EACH ROW EXECUTE FUNCTION check_cast_mode()
    """,
)

# The modes that an account lets its own casts run in; without a row, all of them.
_POLICIES = (
    f"""
    CREATE TABLE account_modes (
        account_id text PRIMARY KEY REFERENCES accounts (id),
        modes text[] NOT NULL CHECK (cardinality(modes) > 0 AND modes <@ {_MODES}),
        updated_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)


def upgrade() -> None:
    """Widen versions and casts, and add the accounts' policies."""
    for statement in (*_VERSIONS, *_CASTS, *_POLICIES):
        op.execute(statement)
