"""Links to artifacts, good for a while without a key. Fits the API's port `ArtifactLinks`.

A link's token is sealed by the platform: nobody else can make or change one, and it shows neither
cast nor name. It is bound to cast, artifact, and the API key that asked for it, and dies with that
key. Nothing is written when a link is made; a one-use link leaves a row when it is used, and of two
that use it at once, the one that writes the row has the content.
"""

import base64
import binascii
import secrets
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from infra.postgres import Database
from infra.vault import PlatformVault
from schema.contracts.artifacts import ArtifactLink, LinkClaim, LinkOrder
from schema.errors import SpellError

_OWNER = "artifact-links"
# A name of 200 characters, sealed, in base64.
_TOKEN_CHARS_MAX = 1024
_KEY_LIVES = text(
    "SELECT 1 FROM api_keys WHERE id = :api_key_id AND revoked_at IS NULL"
    " AND (expires_at IS NULL OR expires_at > now())"
)
_USE = text(
    "INSERT INTO used_artifact_links (nonce, expires_at) VALUES (:nonce, :expires_at)"
    " ON CONFLICT (nonce) DO NOTHING RETURNING nonce"
)


class SealedArtifactLinks:
    """Makes links and reads them again.

    Args:
        database: knows keys, and which one-use links were used.
        vault: seals tokens.
        public_url: where the api is reached from outside.
    """

    def __init__(self, database: Database, vault: PlatformVault, public_url: str) -> None:
        self._database = database
        self._vault = vault
        self._base = f"{public_url.rstrip('/')}/v1/artifacts/"

    def make(self, cast_id: str, api_key_id: str, order: LinkOrder) -> ArtifactLink:
        """A link to an artifact of this cast, which dies with this key."""
        expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=order.expires_in)
        claim = LinkClaim(
            cast_id=cast_id,
            name=order.name,
            api_key_id=api_key_id,
            expires_at=expires_at,
            nonce=secrets.token_urlsafe(16) if order.one_use else None,
        )
        sealed = self._vault.encrypt(_OWNER, claim.model_dump_json().encode("utf-8"))
        token = base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")
        return ArtifactLink(url=self._base + token, expires_at=expires_at, one_use=order.one_use)

    async def read(self, token: str) -> LinkClaim:
        """What a token is good for.

        Raises:
            SpellError: LINK_INVALID, LINK_EXPIRED (its time is up, or its key's).
        """
        claim = self._opened(token)
        if claim.expires_at <= datetime.now(UTC):
            raise SpellError("LINK_EXPIRED")
        async with self._database.reading() as connection:
            lives = await connection.execute(_KEY_LIVES, {"api_key_id": claim.api_key_id})
            if lives.first() is None:
                raise SpellError("LINK_EXPIRED")
        return claim

    async def use(self, claim: LinkClaim) -> None:
        """Use up a one-use link. Raises SpellError(LINK_EXPIRED): somebody did before."""
        if claim.nonce is None:
            return
        async with self._database.transaction() as connection:
            parameters = {"nonce": claim.nonce, "expires_at": claim.expires_at}
            if (await connection.execute(_USE, parameters)).first() is None:
                raise SpellError("LINK_EXPIRED")

    def _opened(self, token: str) -> LinkClaim:
        if len(token) > _TOKEN_CHARS_MAX or not token.isascii():
            raise SpellError("LINK_INVALID")
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
            return LinkClaim.model_validate_json(self._vault.decrypt(_OWNER, sealed))
        except (binascii.Error, ValueError) as error:
            raise SpellError("LINK_INVALID") from error
