"""The ledger: which movements there are, reversals, conversions, expiry of holds, seals.

Revision: 0019.

Each transfer records the transaction that wrote it (ADR 0028). The sealer takes rows in the order
of these numbers, below those of everything that still runs.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# What a table of rules says need not be in a CHECK of every table that uses it.
_MOVEMENTS = (
    """
    CREATE TABLE ledger_movements (
        kind text NOT NULL,
        debit_kind text NOT NULL,
        credit_kind text NOT NULL,
        same_owner boolean NOT NULL,
        reversible boolean NOT NULL,
        PRIMARY KEY (kind, debit_kind, credit_kind)
    )
    """,
    """
    INSERT INTO ledger_movements VALUES
        ('credit', 'processor_clearing', 'caster_credit', false, true),
        ('hold', 'caster_credit', 'caster_hold', true, false),
        ('post', 'caster_hold', 'maker_payable', false, true),
        ('fee', 'caster_hold', 'platform_revenue', false, true),
        ('void', 'caster_hold', 'caster_credit', true, false),
        ('payment', 'processor_clearing', 'caster_hold', false, true),
        ('refund', 'caster_hold', 'processor_clearing', false, false),
        ('refund', 'caster_hold', 'caster_credit', true, false),
        ('payout', 'maker_payable', 'processor_clearing', false, true),
        ('conversion', 'caster_credit', 'conversion', false, false),
        ('conversion', 'conversion', 'caster_credit', false, false),
        ('conversion', 'maker_payable', 'conversion', false, false),
        ('conversion', 'conversion', 'maker_payable', false, false)
    """,
    "ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_kind_check",
    """
    ALTER TABLE ledger_accounts ADD CONSTRAINT ledger_accounts_kind_check
        CHECK (kind IN ('caster_credit', 'caster_hold', 'maker_payable', 'platform_revenue',
            'tax_payable', 'processor_clearing', 'refunds', 'conversion'))
    """,
    "ALTER TABLE ledger_transfers DROP CONSTRAINT ledger_transfers_kind_check",
    """
    ALTER TABLE ledger_transfers ADD CONSTRAINT ledger_transfers_reversal_check
        CHECK ((kind = 'reversal') = (reference LIKE 'reversal:%'))
    """,
)
# After a dump and restore into another cluster, whose transaction ids begin anew, this function is
# replaced by one with a larger number: see docs/operations.md.
_TRANSACTIONS = (
    """
    CREATE FUNCTION ledger_transaction_offset() RETURNS bigint
        LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT 0::bigint'
    """,
    """
    ALTER TABLE ledger_transfers ADD COLUMN transaction_id bigint NOT NULL
        DEFAULT (pg_current_xact_id()::text::bigint)
    """,
    """
    CREATE INDEX ix_ledger_transfers_sealing ON ledger_transfers (transaction_id, id)
    """,
    "CREATE INDEX ix_ledger_transfers_debit ON ledger_transfers (debit_account_id, id)",
    "CREATE INDEX ix_ledger_transfers_credit ON ledger_transfers (credit_account_id, id)",
    "CREATE INDEX ix_ledger_accounts_account_id ON ledger_accounts (account_id)",
)
# A rate is a fraction, since decimals do not hold 1/3. The platform keeps what rounding leaves.
_CONVERSIONS = (
    """
    CREATE TABLE ledger_conversions (
        id text PRIMARY KEY CHECK (id ~ '^conv_[a-z2-7]{26}$'),
        from_account_id text NOT NULL REFERENCES ledger_accounts (id),
        to_account_id text NOT NULL REFERENCES ledger_accounts (id),
        rate_numerator bigint NOT NULL CHECK (rate_numerator > 0),
        rate_denominator bigint NOT NULL CHECK (rate_denominator > 0),
        rate_source text NOT NULL CHECK (length(rate_source) BETWEEN 1 AND 200),
        sold_micros bigint NOT NULL CHECK (sold_micros > 0),
        bought_micros bigint NOT NULL CHECK (bought_micros > 0),
        created_at timestamptz NOT NULL DEFAULT now(),
        CHECK (bought_micros = div(sold_micros::numeric * rate_numerator, rate_denominator))
    )
    """,
    """
    CREATE FUNCTION check_conversion() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM ledger_accounts f, ledger_accounts t
            WHERE f.id = NEW.from_account_id AND t.id = NEW.to_account_id AND f.kind = t.kind
              AND f.account_id = t.account_id AND f.currency <> t.currency) THEN
            RAISE EXCEPTION 'conversion % is not between two currencies of one owner', NEW.id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER ledger_conversions_own BEFORE INSERT ON ledger_conversions
        FOR EACH ROW EXECUTE FUNCTION check_conversion()
    """,
    """
    CREATE FUNCTION check_conversion_legs() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (SELECT count(*) FROM ledger_transfers
            WHERE reference IN (NEW.id || '\\:sell', NEW.id || '\\:buy')) <> 2 THEN
            RAISE EXCEPTION 'conversion % has to move money on both sides', NEW.id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER ledger_conversions_whole AFTER INSERT ON ledger_conversions
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_conversion_legs()
    """,
)
_TRANSFERS = (
    "DROP TRIGGER ledger_transfers_currency ON ledger_transfers",
    "DROP FUNCTION check_transfer_currency()",
    """
    CREATE FUNCTION check_reversal(moved ledger_transfers) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM ledger_transfers t
            JOIN ledger_accounts d ON d.id = t.debit_account_id
            JOIN ledger_accounts c ON c.id = t.credit_account_id
            JOIN ledger_movements m ON (m.kind, m.debit_kind, m.credit_kind)
                = (t.kind, d.kind, c.kind) AND m.reversible
            WHERE 'reversal:' || t.reference = moved.reference
              AND t.debit_account_id = moved.credit_account_id
              AND t.credit_account_id = moved.debit_account_id
              AND t.amount_micros >= moved.amount_micros
              AND t.cast_id IS NOT DISTINCT FROM moved.cast_id) THEN
            RAISE EXCEPTION 'transfer % takes nothing back that can be', moved.reference
                USING ERRCODE = 'check_violation';
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION check_conversion_leg(moved ledger_transfers) RETURNS void
        LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT FROM ledger_conversions c
            WHERE c.id = split_part(moved.reference, ':', 1) AND (
                (moved.reference, moved.debit_account_id, moved.amount_micros)
                    = (c.id || '\\:sell', c.from_account_id, c.sold_micros)
                OR (moved.reference, moved.credit_account_id, moved.amount_micros)
                    = (c.id || '\\:buy', c.to_account_id, c.bought_micros))) THEN
            RAISE EXCEPTION 'transfer % is no side of a conversion', moved.reference
                USING ERRCODE = 'check_violation';
        END IF;
    END $$
    """,
    # Nothing converts in passing, nothing moves where the chart of accounts has no way, and nobody
    # says in which transaction it was but the database.
    """
    CREATE FUNCTION check_transfer() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        allowed boolean;
    BEGIN
        NEW.transaction_id := pg_current_xact_id()::text::bigint + ledger_transaction_offset();
        SELECT NEW.kind = 'reversal' OR m.kind IS NOT NULL INTO allowed
            FROM ledger_accounts d CROSS JOIN ledger_accounts c
            LEFT JOIN ledger_movements m ON m.kind = NEW.kind AND m.debit_kind = d.kind
                AND m.credit_kind = c.kind
                AND (NOT m.same_owner OR d.account_id = c.account_id)
            WHERE d.id = NEW.debit_account_id AND c.id = NEW.credit_account_id
              AND d.currency = NEW.currency AND c.currency = NEW.currency;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'transfer % mixes currencies', NEW.reference
                USING ERRCODE = 'check_violation';
        ELSIF NOT allowed THEN
            RAISE EXCEPTION 'transfer %: no % goes this way', NEW.reference, NEW.kind
                USING ERRCODE = 'check_violation';
        ELSIF NEW.kind = 'reversal' THEN
            PERFORM check_reversal(NEW);
        ELSIF NEW.kind = 'conversion' THEN
            PERFORM check_conversion_leg(NEW);
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER ledger_transfers_checked BEFORE INSERT ON ledger_transfers
        FOR EACH ROW EXECUTE FUNCTION check_transfer()
    """,
)
# A hold lives longer than any cast can. Its end is not the clock's doing, but that of the
# reconciler, which first asks whether its workflow can still settle.
_HOLDS = (
    """
    ALTER TABLE holds ADD COLUMN expires_at timestamptz NOT NULL
        DEFAULT now() + interval '24 hours'
    """,
    "ALTER TABLE holds DROP CONSTRAINT holds_state_check",
    """
    ALTER TABLE holds ADD CONSTRAINT holds_state_check
        CHECK (state IN ('held', 'posted', 'voided', 'expired'))
    """,
    """
    ALTER TABLE holds ADD CONSTRAINT holds_expiry_check
        CHECK (state <> 'expired' OR closed_at >= expires_at)
    """,
    """
    CREATE OR REPLACE FUNCTION check_hold_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.state <> 'held' OR NEW.state = 'held'
            OR (OLD.cast_id, OLD.account_id, OLD.api_key_id, OLD.maker_account_id, OLD.currency,
                OLD.amount_micros, OLD.fee_basis_points, OLD.day, OLD.month, OLD.created_at,
                OLD.expires_at)
            IS DISTINCT FROM
               (NEW.cast_id, NEW.account_id, NEW.api_key_id, NEW.maker_account_id, NEW.currency,
                NEW.amount_micros, NEW.fee_basis_points, NEW.day, NEW.month, NEW.created_at,
                NEW.expires_at) THEN
            RAISE EXCEPTION 'hold of % cannot go from % to %', OLD.cast_id, OLD.state, NEW.state
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
)
# Caps may be lowered below what is spent; what was paid in may not. The balance's budget is locked
# before it is compared, so no hold that runs at the same time slips through.
_CREDIT = (
    """
    CREATE FUNCTION check_credit() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        used bigint;
    BEGIN
        INSERT INTO budgets VALUES (NEW.account_id, NEW.kind, NEW.scope_id, NEW.currency,
            '1970-01-01', 0, 0) ON CONFLICT DO NOTHING;
        SELECT held_micros + posted_micros INTO used FROM budgets
            WHERE account_id = NEW.account_id AND kind = NEW.kind AND scope_id = NEW.scope_id
              AND currency = NEW.currency AND period_start = '1970-01-01' FOR UPDATE;
        IF used > NEW.cap_micros THEN
            RAISE EXCEPTION 'credit of % would be negative', NEW.account_id
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER budget_caps_credit BEFORE UPDATE ON budget_caps FOR EACH ROW
        WHEN (NEW.kind = 'balance' AND NEW.cap_micros < OLD.cap_micros)
        EXECUTE FUNCTION check_credit()
    """,
)
# A hold is one round trip. Each statement of a volatile function sees what was committed before it
# began: rows are read after they are locked, caps and open casts after that.
_PLACING = (
    """
    CREATE FUNCTION lock_budget_rows(account text, money text, kinds text[], scopes text[],
        periods date[])
    RETURNS TABLE (kind text, scope_id text, period_start date, held_micros bigint,
        posted_micros bigint, cap_micros bigint)
    LANGUAGE plpgsql VOLATILE AS $$
    #variable_conflict use_column
    DECLARE
        locked integer;
    BEGIN
        FOR attempt IN 1..2 LOOP
            PERFORM FROM budgets b WHERE b.account_id = account AND b.currency = money
                AND (b.kind, b.scope_id, b.period_start)
                    IN (SELECT * FROM unnest(kinds, scopes, periods))
                ORDER BY b.kind, b.scope_id FOR UPDATE;
            GET DIAGNOSTICS locked = ROW_COUNT;
            EXIT WHEN locked = cardinality(kinds);
            INSERT INTO budgets (account_id, kind, scope_id, currency, period_start, held_micros,
                posted_micros)
            SELECT account, r.k, r.s, money, r.p, 0, 0
                FROM unnest(kinds, scopes, periods) AS r (k, s, p) ON CONFLICT DO NOTHING;
        END LOOP;
        RETURN QUERY SELECT b.kind, b.scope_id, b.period_start, b.held_micros, b.posted_micros,
            c.cap_micros
            FROM unnest(kinds, scopes, periods) AS r (k, s, p)
            JOIN budgets b ON b.account_id = account AND b.currency = money
                AND (b.kind, b.scope_id, b.period_start) = (r.k, r.s, r.p)
            LEFT JOIN budget_caps c ON c.account_id = account AND c.currency = money
                AND (c.kind, c.scope_id) = (r.k, r.s)
            ORDER BY b.kind, b.scope_id;
    END $$
    """,
    """
    CREATE FUNCTION may_open_cast(account text, open_casts_max integer) RETURNS boolean
        LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        RETURN NOT EXISTS (SELECT FROM holds WHERE account_id = account AND state = 'held'
            OFFSET open_casts_max - 1);
    END $$
    """,
)
_SEALS = (
    """
    CREATE TABLE ledger_seals (
        number bigint PRIMARY KEY CHECK (number > 0),
        previous text NOT NULL CHECK (previous ~ '^[0-9a-f]{64}$'),
        after_transaction_id bigint NOT NULL,
        after_id bigint NOT NULL,
        last_transaction_id bigint NOT NULL,
        last_id bigint NOT NULL,
        rows integer NOT NULL CHECK (rows > 0),
        root text NOT NULL CHECK (root ~ '^[0-9a-f]{64}$'),
        sealed_at timestamptz NOT NULL,
        key_id text NOT NULL,
        signature text NOT NULL,
        CHECK ((after_transaction_id, after_id) < (last_transaction_id, last_id))
    )
    """,
    # No gap, and no row twice: each seal begins where the one before ended.
    """
    CREATE FUNCTION check_seal() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        before ledger_seals;
    BEGIN
        SELECT * INTO before FROM ledger_seals ORDER BY number DESC LIMIT 1;
        IF NEW.number = before.number THEN
            RETURN NEW;  -- somebody was faster: the key refuses it, or the statement ignores it
        ELSIF (NEW.number, NEW.after_transaction_id, NEW.after_id) IS DISTINCT FROM
            (coalesce(before.number, 0) + 1, coalesce(before.last_transaction_id, 0),
             coalesce(before.last_id, 0)) THEN
            RAISE EXCEPTION 'seal % does not begin where the one before ended', NEW.number
                USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER ledger_seals_linked BEFORE INSERT ON ledger_seals
        FOR EACH ROW EXECUTE FUNCTION check_seal()
    """,
)
_APPEND_ONLY = ("ledger_movements", "ledger_conversions", "ledger_seals")


def upgrade() -> None:
    """State which movements there are, then what reverses, converts, expires, and is sealed."""
    groups = (
        _MOVEMENTS,
        _TRANSACTIONS,
        _CONVERSIONS,
        _TRANSFERS,
        _HOLDS,
        _CREDIT,
        _PLACING,
        _SEALS,
    )
    for group in groups:
        for statement in group:
            op.execute(statement)
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
