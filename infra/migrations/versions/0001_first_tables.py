"""First tables: accounts, keys, spells, casts, budgets, holds, ledger.

Revision: 0001.

The rules of money and of history are stated here, in the database, so that no code path, script
or later service can break them: CHECKs, unique keys, and triggers.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE accounts (
    id text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('active', 'suspended', 'deleted')),
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE account_profiles (
    account_id text PRIMARY KEY REFERENCES accounts (id),
    display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 200)
);

CREATE TABLE account_secrets (
    account_id text PRIMARY KEY REFERENCES accounts (id),
    cast_secret bytea NOT NULL CHECK (length(cast_secret) = 32)
);

CREATE TABLE api_keys (
    id text PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts (id),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    prefix text NOT NULL UNIQUE,
    key_hash bytea NOT NULL CHECK (length(key_hash) = 32),
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);
CREATE INDEX ix_api_keys_account_id ON api_keys (account_id);

CREATE TABLE spells (
    key text PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts (id),
    visibility text NOT NULL CHECK (visibility IN ('public', 'unlisted', 'private')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_spells_account_id ON spells (account_id);

CREATE TABLE verification_decisions (
    package_digest text PRIMARY KEY CHECK (package_digest ~ '^sha256:[0-9a-f]{64}$'),
    passed boolean NOT NULL,
    policy text NOT NULL,
    reasons jsonb NOT NULL,
    decided_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE spell_versions (
    spell_key text NOT NULL REFERENCES spells (key),
    version text NOT NULL,
    package_digest text NOT NULL REFERENCES verification_decisions (package_digest),
    module_digest text NOT NULL CHECK (module_digest ~ '^sha256:[0-9a-f]{64}$'),
    module_bytes bigint NOT NULL CHECK (module_bytes > 0),
    entry text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('service', 'workflow', 'clone')),
    manifest jsonb NOT NULL,
    schemas bytea NOT NULL,
    limits jsonb NOT NULL,
    price jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('published', 'yanked', 'suspended')),
    published_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (spell_key, version)
);
CREATE INDEX ix_spell_versions_newest ON spell_versions (spell_key, published_at);

CREATE TABLE idempotency_records (
    cast_id text PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts (id),
    fingerprint text NOT NULL,
    admission jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE casts (
    id text PRIMARY KEY REFERENCES idempotency_records (cast_id),
    account_id text NOT NULL REFERENCES accounts (id),
    api_key_id text NOT NULL REFERENCES api_keys (id),
    spell_key text NOT NULL,
    version text NOT NULL,
    package_digest text NOT NULL,
    mode text NOT NULL,
    status text NOT NULL CHECK (
        status IN ('queued', 'running', 'succeeded', 'failed', 'timed_out', 'cancelled')),
    billing text NOT NULL CHECK (
        billing IN ('held', 'settled', 'released', 'refunded', 'unknown')),
    currency text NOT NULL,
    estimated_cost_micros bigint NOT NULL CHECK (estimated_cost_micros >= 0),
    cost_micros bigint NOT NULL CHECK (cost_micros BETWEEN 0 AND estimated_cost_micros),
    input_fingerprint text NOT NULL,
    usage jsonb,
    problem jsonb,
    engine text,
    output_key text,
    stderr_key text,
    event_seq bigint NOT NULL CHECK (event_seq >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CHECK ((status IN ('queued', 'running')) = (finished_at IS NULL)),
    CHECK (status IN ('queued', 'running') OR billing <> 'held')
);
CREATE INDEX ix_casts_by_account ON casts (account_id, created_at, id);

CREATE TABLE cast_events (
    cast_id text NOT NULL REFERENCES casts (id),
    seq bigint NOT NULL CHECK (seq > 0),
    kind text NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cast_id, seq)
);

CREATE TABLE budget_caps (
    account_id text NOT NULL REFERENCES accounts (id),
    kind text NOT NULL CHECK (
        kind IN ('balance', 'account_total', 'account_month', 'account_day', 'api_key')),
    scope_id text NOT NULL CHECK ((kind = 'api_key') = (scope_id <> '')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    cap_micros bigint NOT NULL CHECK (cap_micros >= 0),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, kind, scope_id, currency)
);

CREATE TABLE budgets (
    account_id text NOT NULL REFERENCES accounts (id),
    kind text NOT NULL,
    scope_id text NOT NULL,
    currency text NOT NULL,
    period_start date NOT NULL,
    held_micros bigint NOT NULL CHECK (held_micros >= 0),
    posted_micros bigint NOT NULL CHECK (posted_micros >= 0),
    PRIMARY KEY (account_id, kind, scope_id, currency, period_start)
);

CREATE TABLE holds (
    cast_id text PRIMARY KEY REFERENCES casts (id),
    account_id text NOT NULL REFERENCES accounts (id),
    api_key_id text NOT NULL REFERENCES api_keys (id),
    maker_account_id text NOT NULL REFERENCES accounts (id),
    currency text NOT NULL,
    amount_micros bigint NOT NULL CHECK (amount_micros >= 0),
    posted_micros bigint NOT NULL CHECK (posted_micros BETWEEN 0 AND amount_micros),
    fee_basis_points integer NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
    state text NOT NULL CHECK (state IN ('held', 'posted', 'voided')),
    day date NOT NULL,
    month date NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    CHECK ((state = 'held') = (closed_at IS NULL)),
    CHECK (state = 'posted' OR posted_micros = 0)
);
-- The reconciler looks for holds left by workflows that were terminated.
CREATE INDEX ix_holds_open ON holds (created_at) WHERE state = 'held';

CREATE TABLE ledger_accounts (
    id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('caster_credit', 'caster_hold', 'maker_payable',
        'platform_revenue', 'tax_payable', 'processor_clearing', 'refunds')),
    account_id text REFERENCES accounts (id),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$')
);

CREATE TABLE ledger_transfers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('credit', 'hold', 'post', 'fee', 'void')),
    debit_account_id text NOT NULL REFERENCES ledger_accounts (id),
    credit_account_id text NOT NULL REFERENCES ledger_accounts (id),
    currency text NOT NULL,
    amount_micros bigint NOT NULL CHECK (amount_micros > 0),
    cast_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (debit_account_id <> credit_account_id)
);
CREATE INDEX ix_ledger_transfers_cast_id ON ledger_transfers (cast_id);

CREATE VIEW ledger_balances AS
SELECT a.id, a.kind, a.account_id, a.currency,
    coalesce(c.total, 0) - coalesce(d.total, 0) AS balance_micros
FROM ledger_accounts a
LEFT JOIN (SELECT credit_account_id AS id, sum(amount_micros) AS total
    FROM ledger_transfers GROUP BY 1) c USING (id)
LEFT JOIN (SELECT debit_account_id AS id, sum(amount_micros) AS total
    FROM ledger_transfers GROUP BY 1) d USING (id);
"""

APPEND_ONLY = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
"""

APPEND_ONLY_TABLES = (
    "ledger_transfers",
    "ledger_accounts",
    "cast_events",
    "idempotency_records",
    "verification_decisions",
)

RULES = """
-- Both ends of a transfer keep the transfer's currency: nothing converts in passing.
CREATE FUNCTION check_transfer_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM ledger_accounts
        WHERE id IN (NEW.debit_account_id, NEW.credit_account_id)
          AND currency = NEW.currency) <> 2 THEN
        RAISE EXCEPTION 'transfer % mixes currencies', NEW.reference
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_transfers_currency BEFORE INSERT ON ledger_transfers
    FOR EACH ROW EXECUTE FUNCTION check_transfer_currency();

-- What is held and posted never grows beyond the cap. A cap may be lowered below what is spent:
-- then nothing more is held until it fits again. No balance row means no money.
CREATE FUNCTION check_budget_cap() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cap bigint;
    before bigint := 0;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := OLD.held_micros + OLD.posted_micros;
    END IF;
    IF NEW.held_micros + NEW.posted_micros <= before THEN
        RETURN NEW;
    END IF;
    SELECT cap_micros INTO cap FROM budget_caps
        WHERE account_id = NEW.account_id AND kind = NEW.kind
          AND scope_id = NEW.scope_id AND currency = NEW.currency;
    IF cap IS NULL AND NEW.kind = 'balance' THEN
        cap := 0;
    END IF;
    IF NEW.held_micros + NEW.posted_micros > cap THEN
        RAISE EXCEPTION 'budget % of % would exceed its cap', NEW.kind, NEW.account_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER budgets_within_cap BEFORE INSERT OR UPDATE ON budgets
    FOR EACH ROW EXECUTE FUNCTION check_budget_cap();

-- A hold is closed once; only its end may be written, and what it was for never changes.
CREATE FUNCTION check_hold_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'held' OR NEW.state = 'held'
        OR (OLD.cast_id, OLD.account_id, OLD.api_key_id, OLD.maker_account_id, OLD.currency,
            OLD.amount_micros, OLD.fee_basis_points, OLD.day, OLD.month, OLD.created_at)
        IS DISTINCT FROM
           (NEW.cast_id, NEW.account_id, NEW.api_key_id, NEW.maker_account_id, NEW.currency,
            NEW.amount_micros, NEW.fee_basis_points, NEW.day, NEW.month, NEW.created_at) THEN
        RAISE EXCEPTION 'hold of % cannot go from % to %', OLD.cast_id, OLD.state, NEW.state
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER holds_close_once BEFORE UPDATE ON holds
    FOR EACH ROW EXECUTE FUNCTION check_hold_change();

-- Status and billing only move forward; a final cast keeps its end. Events may still be numbered.
CREATE FUNCTION check_cast_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status IN ('succeeded', 'failed', 'timed_out', 'cancelled')
        AND (NEW.status, NEW.cost_micros) IS DISTINCT FROM (OLD.status, OLD.cost_micros) THEN
        RAISE EXCEPTION 'cast % has ended as %', OLD.id, OLD.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status = 'queued' AND OLD.status <> 'queued' THEN
        RAISE EXCEPTION 'cast % cannot go back to the queue', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.billing <> OLD.billing
        AND (OLD.billing, NEW.billing) NOT IN (
            ('held', 'settled'), ('held', 'released'), ('held', 'unknown'),
            ('unknown', 'settled'), ('unknown', 'released'), ('settled', 'refunded')) THEN
        RAISE EXCEPTION 'billing of cast % cannot go from % to %', OLD.id, OLD.billing, NEW.billing
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.event_seq < OLD.event_seq THEN
        RAISE EXCEPTION 'events of cast % are numbered upwards', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER casts_forward_only BEFORE UPDATE ON casts
    FOR EACH ROW EXECUTE FUNCTION check_cast_change();

-- A published version never changes; it can be yanked, suspended and brought back.
CREATE FUNCTION check_version_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'state' IS DISTINCT FROM to_jsonb(OLD) - 'state' THEN
        RAISE EXCEPTION 'version % of % is published and never changes', OLD.version, OLD.spell_key
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER spell_versions_immutable BEFORE UPDATE ON spell_versions
    FOR EACH ROW EXECUTE FUNCTION check_version_change();
CREATE TRIGGER spell_versions_kept BEFORE DELETE ON spell_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER holds_kept BEFORE DELETE ON holds
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    """Create the tables, then the rules on them."""
    for script in (TABLES, APPEND_ONLY, RULES):
        _execute(script)
    for table in APPEND_ONLY_TABLES:
        _execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change();\n"
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();"
        )


def _execute(script: str) -> None:
    """Run several statements; asyncpg prepares one at a time, so they are split first."""
    for statement in _statements(script):
        op.execute(statement)


def _statements(script: str) -> list[str]:
    """Split at semicolons outside `$$` bodies."""
    statements, body, inside = [], "", False
    for line in script.splitlines():
        body += line + "\n"
        inside ^= line.count("$$") % 2 == 1
        if not inside and line.rstrip().endswith(";"):
            statements.append(body.strip())
            body = ""
    if body.strip():
        statements.append(body.strip())
    return statements
