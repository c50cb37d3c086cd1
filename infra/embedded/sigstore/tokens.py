"""The token issuer: short-lived OpenID Connect tokens that name who signs."""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from infra.embedded.sigstore.identities import Identity, Person, Workflow, identity_of
from infra.embedded.sigstore.refusal import RefusedError

ISSUER = "https://oidc.spell.localhost"
"""A name and no more: nothing looks it up."""
AUDIENCE = "sigstore"
LIFETIME = timedelta(minutes=10)
_ALGORITHM = "ES256"


class TokenIssuer:
    """Makes tokens and reads them again.

    Args:
        key: P-256, signs the tokens.
        clock: the time now, with its zone.
        issuer: its name.
    """

    def __init__(
        self,
        key: ec.EllipticCurvePrivateKey,
        clock: Callable[[], datetime],
        issuer: str = ISSUER,
    ) -> None:
        self._key = key
        self._clock = clock
        self.issuer = issuer

    def issue(self, identity: Identity) -> str:
        """A token for somebody whom the caller knows to be this identity."""
        now = self._clock()
        claims = {
            **identity.claims(),
            "iss": self.issuer,
            "aud": AUDIENCE,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def read(self, token: str) -> Person | Workflow:
        """Who bears this token.

        Raises:
            RefusedError: it is not one of ours, or it is not valid now; 401.
        """
        try:
            claims = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["iss", "sub", "iat", "exp"], "verify_iss": False},
            )
        except jwt.ExpiredSignatureError:
            message = "The identity token has expired: ask for a new one."
            raise RefusedError(message, HTTPStatus.UNAUTHORIZED) from None
        except (jwt.PyJWTError, ValueError):
            raise _foreign(self.issuer) from None
        if claims["iss"] != self.issuer:
            raise _foreign(self.issuer)
        try:
            return identity_of(claims)
        except ValueError:
            raise _foreign(self.issuer) from None

    def key_set(self) -> dict[str, Any]:
        """The public key, as a JWK set (RFC 7517)."""
        public: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(
            self._key.public_key(), as_dict=True
        )
        return {"keys": [{**public, "alg": _ALGORITHM, "use": "sig", "kid": "local"}]}


def _foreign(issuer: str) -> RefusedError:
    return RefusedError(
        f"The identity token is not from {issuer}, or not for {AUDIENCE!r}: this certificate "
        "authority knows no other issuer.",
        HTTPStatus.UNAUTHORIZED,
    )
