"""What versions rest on, which of them are revoked, and spells that are suspended as a whole.

Revision: 0009.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_STATEMENTS = (
    # Everything whose revocation a version falls under, one row each. Other views and queries ask
    # for one version by its key, or for all versions that rest on one thing.
    """
    CREATE VIEW version_trust AS
    SELECT v.spell_key, v.version, v.package_digest, v.module_digest,
        trusted.kind, trusted.value, trusted.issuer
    FROM spell_versions v CROSS JOIN LATERAL (
        VALUES ('digest', v.package_digest, ''), ('digest', v.module_digest, ''),
            ('spell', v.spell_key, '')
        UNION ALL
        SELECT signed.kind, signed.value, signed.issuer
        FROM verification_decisions d CROSS JOIN LATERAL (
            VALUES ('identity', d.signer ->> 'identity', ''),
                ('identity', d.signer ->> 'identity', d.signer ->> 'issuer'),
                ('key', d.signer ->> 'key_digest', '')
        ) AS signed (kind, value, issuer)
        WHERE d.package_digest = v.package_digest AND signed.value IS NOT NULL
    ) AS trusted (kind, value, issuer)
    """,
    # What a caster may know of a revocation: not who made it.
    """
    CREATE VIEW revoked_versions AS
    SELECT t.spell_key, t.version, t.package_digest, t.module_digest, r.id AS revocation_id,
        jsonb_build_object('revocation', r.id, 'kind', r.kind, 'reason', r.reason) AS details
    FROM version_trust t JOIN revocations r ON r.kind = t.kind AND r.value = t.value
        AND r.issuer = t.issuer AND r.lifted_at IS NULL
    """,
    # A revocation is lifted once; what it was never changes.
    """
    CREATE FUNCTION check_lifting() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.lifted_at IS NOT NULL
            OR to_jsonb(NEW) - 'lifted_at' - 'lifted_by'
                IS DISTINCT FROM to_jsonb(OLD) - 'lifted_at' - 'lifted_by' THEN
            RAISE EXCEPTION '% % stays as it is, but for its lifting', TG_TABLE_NAME, OLD.id
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER revocations_lifted_once BEFORE UPDATE ON revocations
        FOR EACH ROW EXECUTE FUNCTION check_lifting()
    """,
    """
    CREATE TABLE spell_suspensions (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        spell_key text NOT NULL REFERENCES spells (key),
        reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
        suspended_by text NOT NULL,
        suspended_at timestamptz NOT NULL DEFAULT now(),
        lifted_by text,
        lifted_at timestamptz,
        CHECK ((lifted_at IS NULL) = (lifted_by IS NULL))
    )
    """,
    """
    CREATE UNIQUE INDEX ix_spell_suspensions_in_force ON spell_suspensions (spell_key)
        WHERE lifted_at IS NULL
    """,
    "CREATE INDEX ix_spell_suspensions_by_spell ON spell_suspensions (spell_key, lifted_at)",
    """
    CREATE TRIGGER spell_suspensions_lifted_once BEFORE UPDATE ON spell_suspensions
        FOR EACH ROW EXECUTE FUNCTION check_lifting()
    """,
    """
    CREATE TRIGGER spell_suspensions_kept BEFORE DELETE ON spell_suspensions
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    # What casts tried and were not allowed since their spell was last let go, one row a kind.
    """
    CREATE VIEW spell_violations AS
    SELECT c.spell_key, c.account_id, c.id AS cast_id, one ->> 'kind' AS kind, c.finished_at
    FROM casts c CROSS JOIN LATERAL jsonb_array_elements(c.violations) AS one
    WHERE c.violations IS NOT NULL AND c.finished_at > coalesce(
        (SELECT max(s.lifted_at) FROM spell_suspensions s WHERE s.spell_key = c.spell_key),
        '-infinity')
    """,
    # How many casts a revocation stopped is counted, not remembered.
    """
    CREATE INDEX ix_casts_revoked ON casts (finished_at)
        WHERE (problem ->> 'code') = 'SPELL_REVOKED'
    """,
)


def upgrade() -> None:
    """Add the views, the rules and the table."""
    for statement in _STATEMENTS:
        op.execute(statement)
