"""Budgets by kind, by the account's own calendar, with alerts and the history of caps.

Revision: 0020.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# What is spent under budgets, one SELECT for each way; usage is counted over it.
_SPENDING = (
    "CREATE INDEX ix_holds_of_account_by_day ON holds (account_id, day)",
    """
    CREATE VIEW spending AS
    SELECT h.account_id, h.api_key_id, c.spell_key, h.currency, h.day, h.month,
        CASE h.state WHEN 'held' THEN h.amount_micros ELSE 0 END AS held_micros, h.posted_micros
    FROM holds h JOIN casts c ON c.id = h.cast_id
    UNION ALL
    SELECT p.account_id, b.api_key_id, b.spell_key, p.currency, p.day, p.month,
        CASE p.state WHEN 'paid' THEN p.amount_micros ELSE 0 END,
        CASE p.state WHEN 'posted' THEN p.amount_micros ELSE 0 END
    FROM payments p JOIN purchases b ON b.id = p.purchase_id WHERE p.provider = 'credit'
    """,
)
# What a budget is of and how long it lasts are data: another kind is another row here.
_KINDS = (
    """
    CREATE TABLE budget_kinds (
        name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z_]{0,31}$'),
        scope text NOT NULL CHECK (scope IN ('account', 'api_key')),
        period text NOT NULL CHECK (period IN ('day', 'month', 'ever'))
    )
    """,
    """
    INSERT INTO budget_kinds (name, scope, period) VALUES
        ('balance', 'account', 'ever'), ('account_total', 'account', 'ever'),
        ('account_month', 'account', 'month'), ('account_day', 'account', 'day'),
        ('api_key', 'api_key', 'ever'), ('api_key_month', 'api_key', 'month'),
        ('api_key_day', 'api_key', 'day')
    """,
    # Seven rows, and the planner must know that they are few.
    "ANALYZE budget_kinds",
    """
    CREATE TRIGGER budget_kinds_never_change BEFORE UPDATE OR DELETE ON budget_kinds
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE FUNCTION budget_rows(api_key_id text, day date, month date)
    RETURNS TABLE (kind text, scope_id text, period_start date) LANGUAGE sql STABLE AS $$
        SELECT k.name, CASE k.scope WHEN 'api_key' THEN $1 ELSE '' END,
            CASE k.period WHEN 'day' THEN $2 WHEN 'month' THEN $3 ELSE date '1970-01-01' END
        FROM budget_kinds k
    $$
    """,
    """
    ALTER TABLE budget_caps DROP CONSTRAINT budget_caps_kind_check,
        DROP CONSTRAINT budget_caps_check,
        ADD FOREIGN KEY (kind) REFERENCES budget_kinds (name),
        ADD CONSTRAINT budget_caps_scope_check
            CHECK ((kind ~ '^(account_|balance$)') = (scope_id = '')),
        ADD COLUMN alerts_at smallint[] NOT NULL DEFAULT '{}' CHECK (
            cardinality(alerts_at) <= 8 AND 1 <= ALL (alerts_at) AND 100 >= ALL (alerts_at))
    """,
    # Caps that there are get the alerts that a new one has.
    "UPDATE budget_caps SET alerts_at = '{50,80,100}' WHERE kind <> 'balance'",
    # The new kinds count what is held and spent already.
    """
    INSERT INTO budgets (account_id, kind, scope_id, currency, period_start, held_micros,
        posted_micros)
    SELECT account_id, k.kind, api_key_id, currency, CASE k.kind WHEN 'api_key_day' THEN day
        ELSE month END AS start, sum(held_micros), sum(posted_micros)
    FROM spending CROSS JOIN (VALUES ('api_key_day'), ('api_key_month')) AS k(kind)
    GROUP BY account_id, k.kind, api_key_id, currency, start
    """,
)
# A day is a date in the account's zone. It never goes back: another zone begins with the day after
# the one that it was asked for in, and the first day lasts until the new zone has caught up.
_CALENDAR = (
    """
    CREATE TABLE billing_time_zones (
        account_id text PRIMARY KEY REFERENCES accounts (id),
        zone text NOT NULL,
        from_day date NOT NULL,
        next_zone text,
        next_from_day date CHECK (next_from_day > from_day),
        updated_at timestamptz NOT NULL DEFAULT now(),
        CHECK ((next_zone IS NULL) = (next_from_day IS NULL))
    )
    """,
    # No short names: Postgres reads `CET` as an offset without summer time.
    """
    CREATE FUNCTION check_time_zone() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM unnest(ARRAY[NEW.zone, NEW.next_zone]) AS z(name)
            WHERE name <> 'UTC' AND (name !~ '^[A-Z][A-Za-z_]*/[A-Za-z]'
                OR NOT EXISTS (SELECT FROM pg_timezone_names t WHERE t.name = z.name))) THEN
            RAISE EXCEPTION 'not a time zone' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER billing_time_zones_are_known BEFORE INSERT OR UPDATE ON billing_time_zones
        FOR EACH ROW EXECUTE FUNCTION check_time_zone()
    """,
    """
    CREATE FUNCTION billing_clock(account text, moment timestamptz, OUT day date, OUT zone text,
        OUT from_day date, OUT next_zone text, OUT next_from_day date)
    LANGUAGE plpgsql STABLE AS $$
    BEGIN
        SELECT z.zone, z.from_day, z.next_zone, z.next_from_day
            INTO zone, from_day, next_zone, next_from_day
            FROM billing_time_zones z WHERE z.account_id = account;
        zone := coalesce(zone, 'UTC');
        from_day := coalesce(from_day, date '1970-01-01');
        day := greatest((moment AT TIME ZONE zone)::date, from_day);
        IF day >= next_from_day THEN
            day := greatest((moment AT TIME ZONE next_zone)::date, next_from_day);
            zone := next_zone;
            from_day := next_from_day;
            next_zone := NULL;
            next_from_day := NULL;
        END IF;
    END $$
    """,
)
# One look for a hold: its periods, its rows made and locked in the fixed order, and then the caps
# as they are by then. Each statement of a volatile function sees what was committed before it.
_LOCKING = (
    "DROP FUNCTION lock_budget_rows(text, text, text[], text[], date[])",
    """
    CREATE FUNCTION lock_budgets(account text, key text, money text, moment timestamptz)
    RETURNS TABLE (kind text, scope_id text, period_start date, held_micros bigint,
        posted_micros bigint, cap_micros bigint, alerts_at smallint[], day date, zone text,
        next_zone text, next_from_day date)
    LANGUAGE plpgsql VOLATILE AS $$
    #variable_conflict use_column
    DECLARE
        clock record;
        month date;
    BEGIN
        SELECT * INTO clock FROM billing_clock(account, moment);
        month := date_trunc('month', clock.day)::date;
        -- Missing rows are made before any is locked: whoever held some of them and waited for a
        -- new one would be waited for by whoever locks the new one first.
        IF (SELECT count(*) FROM budget_kinds) > (SELECT count(*)
            FROM budget_rows(key, clock.day, month) r
            JOIN budgets b ON b.account_id = account AND b.currency = money AND b.kind = r.kind
                AND b.scope_id = r.scope_id AND b.period_start = r.period_start) THEN
            INSERT INTO budgets (account_id, kind, scope_id, currency, period_start, held_micros,
                posted_micros)
            SELECT account, r.kind, r.scope_id, money, r.period_start, 0, 0
                FROM budget_rows(key, clock.day, month) r ORDER BY r.kind ON CONFLICT DO NOTHING;
        END IF;
        PERFORM FROM budget_rows(key, clock.day, month) r
            JOIN budgets b USING (kind, scope_id, period_start)
            WHERE b.account_id = account AND b.currency = money
            ORDER BY b.kind, b.scope_id FOR UPDATE OF b;
        RETURN QUERY SELECT b.kind, b.scope_id, b.period_start, b.held_micros, b.posted_micros,
            c.cap_micros, c.alerts_at, clock.day, clock.zone, clock.next_zone, clock.next_from_day
            FROM budget_rows(key, clock.day, month) r
            JOIN budgets b ON b.account_id = account AND b.currency = money AND b.kind = r.kind
                AND b.scope_id = r.scope_id AND b.period_start = r.period_start
            LEFT JOIN budget_caps c ON c.account_id = account AND c.kind = r.kind
                AND c.scope_id = r.scope_id AND c.currency = money
            ORDER BY b.kind, b.scope_id;
    END $$
    """,
)
_ALERTS = (
    """
    CREATE TABLE budget_alerts (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts (id),
        kind text NOT NULL,
        scope_id text NOT NULL,
        currency text NOT NULL,
        period_start date NOT NULL,
        cap_micros bigint NOT NULL,
        percent smallint NOT NULL CHECK (percent BETWEEN 1 AND 100),
        used_micros bigint NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        told_at timestamptz,
        UNIQUE (account_id, kind, scope_id, currency, period_start, cap_micros, percent),
        CHECK (used_micros * 100 >= cap_micros * percent)
    )
    """,
    "CREATE INDEX ix_budget_alerts_of_account ON budget_alerts (account_id, id)",
    "CREATE INDEX ix_budget_alerts_untold ON budget_alerts (id) WHERE told_at IS NULL",
    """
    CREATE FUNCTION check_alert_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.told_at IS NOT NULL OR NEW.told_at IS NULL
            OR to_jsonb(OLD) - 'told_at' <> to_jsonb(NEW) - 'told_at' THEN
            RAISE EXCEPTION 'a budget alert is told once, and never changes'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER budget_alerts_told_once BEFORE UPDATE ON budget_alerts
        FOR EACH ROW EXECUTE FUNCTION check_alert_change()
    """,
    """
    CREATE TRIGGER budget_alerts_kept BEFORE DELETE ON budget_alerts
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    # As before, and whoever crosses a threshold writes that down in the same transaction.
    """
    CREATE OR REPLACE FUNCTION check_budget_cap() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        cap bigint;
        percents smallint[];
        percent smallint;
        before bigint := 0;
        used bigint := NEW.held_micros + NEW.posted_micros;
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            before := OLD.held_micros + OLD.posted_micros;
        END IF;
        IF used <= before THEN
            RETURN NEW;
        END IF;
        SELECT cap_micros, alerts_at INTO cap, percents FROM budget_caps
            WHERE account_id = NEW.account_id AND kind = NEW.kind
              AND scope_id = NEW.scope_id AND currency = NEW.currency;
        IF cap IS NULL AND NEW.kind = 'balance' THEN
            cap := 0;
        END IF;
        IF used > cap THEN
            RAISE EXCEPTION 'budget % of % would exceed its cap', NEW.kind, NEW.account_id
                USING ERRCODE = 'check_violation';
        END IF;
        FOREACH percent IN ARRAY coalesce(percents, '{}') LOOP
            IF before * 100 < cap * percent AND used * 100 >= cap * percent THEN
                INSERT INTO budget_alerts (account_id, kind, scope_id, currency, period_start,
                    cap_micros, percent, used_micros)
                VALUES (NEW.account_id, NEW.kind, NEW.scope_id, NEW.currency, NEW.period_start,
                    cap, percent, used) ON CONFLICT DO NOTHING;
            END IF;
        END LOOP;
        RETURN NEW;
    END $$
    """,
)
_HISTORY = (
    """
    CREATE TABLE billing_changes (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts (id),
        changed_by text NOT NULL REFERENCES api_keys (id),
        subject text NOT NULL CHECK (subject IN ('cap', 'time_zone')),
        kind text,
        scope_id text NOT NULL DEFAULT '',
        currency text,
        before jsonb,
        after jsonb,
        changed_at timestamptz NOT NULL DEFAULT now(),
        CHECK (before IS DISTINCT FROM after),
        CHECK ((subject = 'cap') = (kind IS NOT NULL AND currency IS NOT NULL))
    )
    """,
    "CREATE INDEX ix_billing_changes_of_account ON billing_changes (account_id, id)",
    """
    CREATE TRIGGER billing_changes_append_only BEFORE UPDATE OR DELETE ON billing_changes
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER billing_changes_no_truncate BEFORE TRUNCATE ON billing_changes
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    """Make kinds data, periods the account's, alerts and changes kept."""
    for statement in (*_SPENDING, *_KINDS, *_CALENDAR, *_LOCKING, *_ALERTS, *_HISTORY):
        op.execute(statement)
