"""Purchases of templates, their payments and entitlements.

Revision: 0017.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_LEDGER = (
    "ALTER TABLE ledger_transfers DROP CONSTRAINT ledger_transfers_kind_check",
    """
    ALTER TABLE ledger_transfers ADD CONSTRAINT ledger_transfers_kind_check
        CHECK (kind IN ('credit', 'hold', 'post', 'fee', 'void', 'payment', 'refund'))
    """,
)
_PURCHASES = (
    """
    CREATE TABLE purchases (
        id text PRIMARY KEY CHECK (id ~ '^pur_[a-z2-7]{16}_[a-z2-7]{26}$'),
        account_id text NOT NULL REFERENCES accounts (id),
        api_key_id text NOT NULL REFERENCES api_keys (id),
        fingerprint text NOT NULL,
        request jsonb NOT NULL,
        spell_key text NOT NULL,
        offer jsonb,
        status text NOT NULL CHECK (status IN ('awaiting_payment', 'paid', 'completed', 'refused',
            'abandoned', 'cancelled', 'failed')),
        problem jsonb,
        fee_basis_points integer NOT NULL CHECK (fee_basis_points BETWEEN 0 AND 10000),
        generation_intended_at timestamptz,
        repository_url text,
        pull_request_url text,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        finished_at timestamptz,
        CHECK ((offer IS NULL) = (status = 'refused')),
        CHECK ((problem IS NULL) = (status IN ('awaiting_payment', 'paid', 'completed'))),
        CHECK ((finished_at IS NULL) = (status IN ('awaiting_payment', 'paid')))
    )
    """,
    "CREATE INDEX ix_purchases_of_account ON purchases (account_id, created_at DESC, id)",
    """
    CREATE FUNCTION check_purchase_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.id, NEW.account_id, NEW.api_key_id, NEW.fingerprint, NEW.request, NEW.spell_key,
            NEW.offer, NEW.fee_basis_points, NEW.created_at)
            IS DISTINCT FROM
            (OLD.id, OLD.account_id, OLD.api_key_id, OLD.fingerprint, OLD.request, OLD.spell_key,
            OLD.offer, OLD.fee_basis_points, OLD.created_at) THEN
            RAISE EXCEPTION 'what purchase % is of never changes', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
            ('awaiting_payment', 'paid'), ('awaiting_payment', 'abandoned'),
            ('awaiting_payment', 'cancelled'), ('awaiting_payment', 'failed'),
            ('paid', 'completed'), ('paid', 'failed')) THEN
            RAISE EXCEPTION 'purchase % cannot go from % to %', OLD.id, OLD.status, NEW.status
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF OLD.finished_at IS NOT NULL AND (NEW.problem, NEW.finished_at) IS DISTINCT FROM
            (OLD.problem, OLD.finished_at) THEN
            RAISE EXCEPTION 'purchase % has ended as %', OLD.id, OLD.status
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF OLD.generation_intended_at IS NOT NULL
            AND NEW.generation_intended_at IS DISTINCT FROM OLD.generation_intended_at THEN
            RAISE EXCEPTION 'the intent of purchase % is written once', OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER purchases_forward_only BEFORE UPDATE ON purchases
        FOR EACH ROW EXECUTE FUNCTION check_purchase_change()
    """,
    """
    CREATE TRIGGER purchases_kept BEFORE DELETE ON purchases
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER purchases_no_truncate BEFORE TRUNCATE ON purchases
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)
# An intent is here before its provider is asked (decision 20). Money moves with the state, in one
# transaction, so a state tells which transfers there are.
_PAYMENTS = (
    """
    CREATE TABLE payments (
        purchase_id text PRIMARY KEY REFERENCES purchases (id),
        account_id text NOT NULL REFERENCES accounts (id),
        provider text NOT NULL CHECK (provider IN ('checkout', 'credit')),
        state text NOT NULL CHECK (state IN ('intended', 'open', 'paid', 'posted', 'released',
            'refunded')),
        currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
        amount_micros bigint NOT NULL CHECK (amount_micros > 0),
        session_id text UNIQUE,
        checkout_url text,
        payment_intent text UNIQUE,
        refund_intended_at timestamptz,
        refund_id text UNIQUE,
        day date NOT NULL,
        month date NOT NULL,
        intended_at timestamptz NOT NULL DEFAULT now(),
        closed_at timestamptz,
        CHECK ((closed_at IS NULL) = (state IN ('intended', 'open', 'paid'))),
        -- What a provider took or gave back can be found there.
        CHECK (provider = 'credit' OR payment_intent IS NOT NULL
            OR state IN ('intended', 'open', 'released')),
        CHECK (provider = 'credit' OR state <> 'refunded' OR refund_id IS NOT NULL),
        CHECK (provider = 'checkout' OR state IN ('paid', 'posted', 'refunded'))
    )
    """,
    """
    CREATE FUNCTION check_payment_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.purchase_id, NEW.account_id, NEW.provider, NEW.currency, NEW.amount_micros,
            NEW.day, NEW.month, NEW.intended_at)
            IS DISTINCT FROM
            (OLD.purchase_id, OLD.account_id, OLD.provider, OLD.currency, OLD.amount_micros,
            OLD.day, OLD.month, OLD.intended_at)
            OR NEW.session_id IS DISTINCT FROM coalesce(OLD.session_id, NEW.session_id)
            OR NEW.payment_intent IS DISTINCT FROM coalesce(OLD.payment_intent, NEW.payment_intent)
            OR NEW.refund_id IS DISTINCT FROM coalesce(OLD.refund_id, NEW.refund_id)
            OR NEW.refund_intended_at IS DISTINCT FROM
                coalesce(OLD.refund_intended_at, NEW.refund_intended_at) THEN
            RAISE EXCEPTION 'the intended payment of % never changes', OLD.purchase_id
                USING ERRCODE = 'restrict_violation';
        END IF;
        -- What was given up may still be paid by a page that was open: it is then given back.
        IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
            ('intended', 'open'), ('intended', 'paid'), ('intended', 'released'),
            ('open', 'paid'), ('open', 'released'), ('released', 'paid'),
            ('paid', 'posted'), ('paid', 'refunded')) THEN
            RAISE EXCEPTION 'payment of % cannot go from % to %', OLD.purchase_id, OLD.state,
                NEW.state USING ERRCODE = 'restrict_violation';
        END IF;
        IF NEW.state = 'posted' AND OLD.refund_intended_at IS NOT NULL THEN
            RAISE EXCEPTION 'payment of % goes back', OLD.purchase_id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER payments_forward_only BEFORE UPDATE ON payments
        FOR EACH ROW EXECUTE FUNCTION check_payment_change()
    """,
    """
    CREATE TRIGGER payments_kept BEFORE DELETE ON payments
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER payments_no_truncate BEFORE TRUNCATE ON payments
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)
_ENTITLEMENTS = (
    """
    CREATE TABLE entitlements (
        purchase_id text PRIMARY KEY REFERENCES purchases (id),
        account_id text NOT NULL REFERENCES accounts (id),
        spell_key text NOT NULL,
        version text NOT NULL,
        package_digest text NOT NULL,
        license_url text NOT NULL,
        repository text NOT NULL,
        granted_at timestamptz NOT NULL DEFAULT now(),
        FOREIGN KEY (spell_key, version) REFERENCES spell_versions (spell_key, version)
    )
    """,
    "CREATE INDEX ix_entitlements_of_account ON entitlements (account_id)",
    """
    CREATE TRIGGER entitlements_append_only BEFORE UPDATE OR DELETE ON entitlements
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER entitlements_no_truncate BEFORE TRUNCATE ON entitlements
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)
_INBOX = (
    """
    CREATE TABLE stripe_events (
        event_id text PRIMARY KEY CHECK (length(event_id) BETWEEN 4 AND 255),
        kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 128),
        purchase_id text,
        received_at timestamptz NOT NULL DEFAULT now(),
        claimed_at timestamptz,
        handled_at timestamptz,
        CHECK (handled_at IS NULL OR claimed_at IS NOT NULL)
    )
    """,
    """
    CREATE INDEX ix_stripe_events_unhandled ON stripe_events (received_at)
        WHERE handled_at IS NULL
    """,
    "CREATE INDEX ix_stripe_events_handled ON stripe_events (handled_at)",
    """
    CREATE FUNCTION check_stripe_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.handled_at IS NOT NULL
            OR (NEW.event_id, NEW.kind, NEW.purchase_id, NEW.received_at) IS DISTINCT FROM
            (OLD.event_id, OLD.kind, OLD.purchase_id, OLD.received_at) THEN
            RAISE EXCEPTION 'event % is handled once and never changes', OLD.event_id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER stripe_events_handled_once BEFORE UPDATE ON stripe_events
        FOR EACH ROW EXECUTE FUNCTION check_stripe_event_change()
    """,
)


def upgrade() -> None:
    """Widen the ledger, and create the tables with the rules on what moves only forward."""
    for statement in (*_LEDGER, *_PURCHASES, *_PAYMENTS, *_ENTITLEMENTS, *_INBOX):
        op.execute(statement)
