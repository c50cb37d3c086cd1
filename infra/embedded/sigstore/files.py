"""Where the local Sigstore is found: its files, its address. Light: imports no cryptography."""

from infra.embedded.ports import LOOPBACK

TRUSTED_ROOT = "trusted_root.json"
"""What verifiers trust; `SPELL_TRUST_ROOT_FILE` of the local platform names it."""
SIGNING_CONFIG = "signing_config.json"
"""Where to sign."""
CLIENT_CONFIG = "client_trust_config.json"
"""Both in one, as sigstore's clients take it."""
CLIENT_CONFIG_REKOR_2 = "client_trust_config.rekor2.json"
"""The same, but signatures go to the log that is like Rekor v2."""
TOKEN_SECRET = "SIGSTORE_TOKEN_SECRET"  # noqa: S105  (a variable's name)
"""The variable in which the server process gets the secret of its token endpoint."""


def url_of(port: int) -> str:
    """The server's address."""
    return f"http://{LOOPBACK}:{port}"
