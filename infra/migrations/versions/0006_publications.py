"""Publications and their uploads, aliases of versions, and consents of casters.

Revision: 0006.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Release numbers, by which versions are ordered (semver 2.0.0 §11; releases only).
_VERSION_NUMBERS = """
CREATE FUNCTION version_numbers(version text) RETURNS bigint[] LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT string_to_array(split_part(version, '-', 1), '.')::bigint[]
$$
"""
_NEWEST = (
    "DROP INDEX ix_spell_versions_newest",
    """
    CREATE INDEX ix_spell_versions_newest ON spell_versions
        (spell_key, version_numbers(version) DESC)
        WHERE state = 'published' AND version NOT LIKE '%-%'
    """,
    "CREATE INDEX ix_spell_versions_by_package ON spell_versions (package_digest)",
)
_UPLOADS = """
CREATE TABLE uploads (
    id text PRIMARY KEY,
    account_id text NOT NULL REFERENCES accounts (id),
    package_digest text NOT NULL CHECK (package_digest ~ '^sha256:[0-9a-f]{64}$'),
    package_bytes bigint NOT NULL CHECK (package_bytes > 0),
    bundle_digest text CHECK (bundle_digest ~ '^sha256:[0-9a-f]{64}$'),
    received_bytes bigint NOT NULL DEFAULT 0,
    chunks jsonb NOT NULL DEFAULT '[]',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    CHECK (received_bytes BETWEEN 0 AND package_bytes)
)
"""
_PUBLICATIONS = (
    """
    CREATE TABLE publications (
        id text PRIMARY KEY,
        account_id text NOT NULL REFERENCES accounts (id),
        package_digest text NOT NULL CHECK (package_digest ~ '^sha256:[0-9a-f]{64}$'),
        package_bytes bigint NOT NULL,
        bundle_digest text CHECK (bundle_digest ~ '^sha256:[0-9a-f]{64}$'),
        state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'published', 'refused')),
        step text,
        result jsonb,
        event_seq bigint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz,
        CHECK ((state = 'running') = (finished_at IS NULL)),
        CHECK ((state = 'running') = (result IS NULL))
    )
    """,
    "CREATE INDEX ix_publications_of_account ON publications (account_id, created_at)",
    """
    CREATE TABLE publication_events (
        publication_id text NOT NULL REFERENCES publications (id),
        seq bigint NOT NULL,
        kind text NOT NULL,
        step text NOT NULL,
        data jsonb NOT NULL DEFAULT '{}',
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (publication_id, seq),
        UNIQUE (publication_id, kind, step)
    )
    """,
    """
    CREATE TRIGGER publication_events_append_only BEFORE UPDATE OR DELETE
        ON publication_events FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """,
)
# The alias `latest` is nobody's to set: it is the highest published release.
_ALIASES = """
CREATE TABLE spell_aliases (
    spell_key text NOT NULL REFERENCES spells (key),
    alias text NOT NULL CHECK (alias ~ '^[a-z][a-z0-9-]{0,31}$' AND alias <> 'latest'),
    version text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (spell_key, alias),
    FOREIGN KEY (spell_key, version) REFERENCES spell_versions (spell_key, version)
)
"""
_CONSENTS = (
    """
    CREATE TABLE consents (
        account_id text NOT NULL REFERENCES accounts (id),
        spell_key text NOT NULL,
        version text NOT NULL,
        consented_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (account_id, spell_key, version),
        FOREIGN KEY (spell_key, version) REFERENCES spell_versions (spell_key, version)
    )
    """,
    # Whoever has cast a spell before agreed to what they cast.
    """
    INSERT INTO consents (account_id, spell_key, version)
    SELECT DISTINCT c.account_id, c.spell_key, c.version
    FROM casts c JOIN spell_versions v USING (spell_key, version)
    """,
)


def upgrade() -> None:
    """Add the tables, and order versions by their numbers."""
    for statement in (
        _VERSION_NUMBERS,
        *_NEWEST,
        _UPLOADS,
        *_PUBLICATIONS,
        _ALIASES,
        *_CONSENTS,
    ):
        op.execute(statement)
