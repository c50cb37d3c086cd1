"""Casts on a schedule.

Revision: 0013.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE schedules (
        id text PRIMARY KEY CHECK (id ~ '^sch_[a-z2-7]{16}_[a-z2-7]{26}$'),
        account_id text NOT NULL REFERENCES accounts (id),
        api_key_id text NOT NULL REFERENCES api_keys (id),
        fingerprint text NOT NULL,
        spell_key text NOT NULL,
        spell jsonb NOT NULL,
        timing jsonb NOT NULL,
        inputs_sealed bytea,
        state text NOT NULL CHECK (state IN ('active', 'paused', 'deleted')),
        reason text CHECK (reason IN ('asked', 'key_not_live', 'refused')),
        refusals integer NOT NULL DEFAULT 0 CHECK (refusals >= 0),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        CHECK ((state = 'paused') = (reason IS NOT NULL)),
        CHECK ((state = 'deleted') = (inputs_sealed IS NULL)),
        CHECK (octet_length(inputs_sealed) <= 300000),
        CHECK (spell ->> 'spell_key' = spell_key)
    )
    """,
    """
    CREATE INDEX ix_schedules_of_account ON schedules (account_id, created_at, id)
        WHERE state <> 'deleted'
    """,
    # Whose it is, by which key, and that it is gone, never change.
    """
    CREATE FUNCTION check_schedule_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state = 'deleted'
            OR (NEW.id, NEW.account_id, NEW.api_key_id, NEW.fingerprint, NEW.spell_key,
                NEW.created_at)
                IS DISTINCT FROM
               (OLD.id, OLD.account_id, OLD.api_key_id, OLD.fingerprint, OLD.spell_key,
                OLD.created_at) THEN
            RAISE EXCEPTION 'schedule % keeps its owner and its spell, and its end', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER schedules_keep BEFORE UPDATE ON schedules
        FOR EACH ROW EXECUTE FUNCTION check_schedule_change()
    """,
    """
    CREATE TRIGGER schedules_kept BEFORE DELETE ON schedules
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    # One row for each time: it is written once.
    """
    CREATE TABLE schedule_runs (
        schedule_id text NOT NULL REFERENCES schedules (id),
        scheduled_at timestamptz NOT NULL,
        cast_id text UNIQUE,
        problem jsonb,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (schedule_id, scheduled_at),
        CHECK (cast_id IS NOT NULL OR problem IS NOT NULL)
    )
    """,
    """
    CREATE TRIGGER schedule_runs_written_once BEFORE UPDATE OR DELETE ON schedule_runs
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    """Add the tables and their rules."""
    for statement in _STATEMENTS:
        op.execute(statement)
