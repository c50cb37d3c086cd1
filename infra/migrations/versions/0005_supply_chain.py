"""The supply-chain gate: what was checked, what was decided on what, who may not be trusted.

Revision: 0005.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# What the checks look at, kept by digest, so that a decision can be made again without the archive.
_EVIDENCE = """
CREATE TABLE package_evidence (
    package_digest text PRIMARY KEY CHECK (package_digest ~ '^sha256:[0-9a-f]{64}$'),
    account_id text NOT NULL REFERENCES accounts (id),
    spell_key text NOT NULL,
    version text NOT NULL,
    license text NOT NULL,
    expected jsonb,
    sbom_file text,
    sbom bytea,
    bundle bytea,
    files jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((sbom IS NULL) = (sbom_file IS NULL))
)
"""
# Versions published before were never signed, and what they hold is in their archives.
_EVIDENCE_OF_OLD = """
INSERT INTO package_evidence (package_digest, account_id, spell_key, version, license, files)
SELECT v.package_digest, s.account_id, v.spell_key, v.version,
    coalesce(v.manifest #>> '{spell,license}', 'NOASSERTION'), '{}'
FROM spell_versions v JOIN spells s ON s.key = v.spell_key
"""
# A decision is one on a digest, by rules, on a trust root, with what was known of advisories.
_DECISIONS = (
    """
    ALTER TABLE spell_versions
        DROP CONSTRAINT spell_versions_package_digest_fkey,
        ADD CONSTRAINT spell_versions_package_digest_fkey
            FOREIGN KEY (package_digest) REFERENCES package_evidence (package_digest)
    """,
    "DROP TRIGGER verification_decisions_append_only ON verification_decisions",
    """
    ALTER TABLE verification_decisions
        ADD COLUMN trust_root text NOT NULL DEFAULT 'none',
        ADD COLUMN snapshot text NOT NULL DEFAULT 'none',
        ADD COLUMN signer jsonb,
        DROP CONSTRAINT verification_decisions_pkey,
        ADD PRIMARY KEY (package_digest, policy, trust_root, snapshot)
    """,
    """
    UPDATE verification_decisions SET reasons = coalesce(
        (SELECT jsonb_agg(jsonb_build_object('check', 'signature', 'severity', 'warn',
            'code', 'UNSIGNED', 'message', text)) FROM jsonb_array_elements_text(reasons) AS text),
        '[]')
    """,
    """
    CREATE TRIGGER verification_decisions_append_only BEFORE UPDATE OR DELETE
        ON verification_decisions FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    # A delisted version had an advisory that was not mended in time.
    """
    ALTER TABLE spell_versions
        DROP CONSTRAINT spell_versions_state_check,
        ADD CONSTRAINT spell_versions_state_check
            CHECK (state IN ('published', 'yanked', 'suspended', 'delisted'))
    """,
)
_REVOCATIONS = (
    """
    CREATE TABLE revocations (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL CHECK (kind IN ('digest', 'identity', 'key', 'spell')),
        value text NOT NULL CHECK (length(value) BETWEEN 1 AND 512),
        issuer text NOT NULL DEFAULT '',
        reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
        revoked_by text NOT NULL,
        revoked_at timestamptz NOT NULL DEFAULT now(),
        lifted_by text,
        lifted_at timestamptz,
        CHECK ((lifted_at IS NULL) = (lifted_by IS NULL)),
        CHECK (kind = 'identity' OR issuer = '')
    )
    """,
    """
    CREATE UNIQUE INDEX ix_revocations_in_force ON revocations (kind, value, issuer)
        WHERE lifted_at IS NULL
    """,
    """
    CREATE TRIGGER revocations_kept BEFORE DELETE ON revocations
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
_LOG = (
    """
    CREATE TABLE supply_chain_log (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        reference text NOT NULL UNIQUE,
        kind text NOT NULL,
        actor text NOT NULL,
        spell_key text,
        version text,
        package_digest text,
        details jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    "CREATE INDEX ix_supply_chain_log_by_spell ON supply_chain_log (spell_key, id)",
    """
    CREATE TRIGGER supply_chain_log_append_only BEFORE UPDATE OR DELETE
        ON supply_chain_log FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER supply_chain_log_no_truncate BEFORE TRUNCATE
        ON supply_chain_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TRIGGER package_evidence_append_only BEFORE UPDATE OR DELETE
        ON package_evidence FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    """Add the tables, and what a decision was made on to the decisions there are."""
    for statement in (_EVIDENCE, _EVIDENCE_OF_OLD, *_DECISIONS, *_REVOCATIONS, *_LOG):
        op.execute(statement)
