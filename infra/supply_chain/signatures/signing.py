"""Signing packages with sigstore: at a local Sigstore, or at the public one.

A signature is made over the package's digest, with a key that lives for one signature: a
certificate names who signed, a public log says when. Whose token it is: `signing_in.py`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from cryptography import x509
from requests.adapters import HTTPAdapter
from sigstore._internal.fulcio import ExpiredCertificate
from sigstore._internal.fulcio.client import FulcioClientError
from sigstore._internal.rekor import RekorClientError
from sigstore.dsse import Statement, StatementBuilder, Subject
from sigstore.errors import Error as SigstoreError
from sigstore.hashes import Hashed
from sigstore.models import Bundle, ClientTrustConfig
from sigstore.oidc import ExpiredIdentity, IdentityError, IdentityToken, IssuerError
from sigstore.sign import SigningContext
from sigstore_models.common.v1 import HashAlgorithm

from schema.ids import Digest

RELEASE = "https://in-toto.io/attestation/release/v0.1"
"""The predicate type of statements: these files are this release."""
ANSWER_SECONDS_MAX = 30.0


class SigningError(Exception):
    """Nothing was signed; the message says why, and what to do."""


@dataclass(frozen=True)
class Signed:
    """A signature, and who made it."""

    bundle: bytes
    """The Sigstore bundle, as JSON: what `SIGNATURE.sigstore` holds."""
    identity: str
    """As the certificate says."""
    issuer: str
    log_index: int


@dataclass(frozen=True)
class Release:
    """What a statement says about the digest."""

    name: str
    """The subject's name."""
    purl: str
    """The package URL of the version."""


def public_config() -> ClientTrustConfig:
    """Where the public Sigstore is now, as its own signed repository says. Needs the network.

    Raises:
        SigningError: it cannot be reached, or its repository is not trusted.
    """
    with _explained():
        return ClientTrustConfig.production()


def local_config(path: Path) -> ClientTrustConfig:
    """Where another Sigstore is: a `ClientTrustConfig` in a file.

    Raises:
        SigningError: there is no such file, or it is something else.
    """
    try:
        return ClientTrustConfig.from_json(path.read_text("utf-8"))
    except (OSError, ValueError, SigstoreError) as error:
        message = f"{path} is no Sigstore client configuration ({type(error).__name__})."
        raise SigningError(message) from error


def sign(
    config: ClientTrustConfig,
    token: str,
    digest: Digest,
    *,
    identity: str | None = None,
    release: Release | None = None,
) -> Signed:
    """Sign a package's digest.

    Args:
        config: where to sign.
        token: an identity token, which says who signs.
        digest: `sha256:<hex>` of the canonical archive.
        identity: whose the token has to be; None for anybody's.
        release: sign a statement (in-toto, in a DSSE envelope) that the digest is this release,
            instead of the digest itself.

    Raises:
        SigningError: the token is another one's or is not accepted, or a server refuses or does
            not answer.
    """
    hexadecimal = digest.removeprefix("sha256:")
    with _explained():
        bearer = IdentityToken(token)
        _check_identity(bearer, identity)
        context = SigningContext.from_trust_config(config)
        _bound(context)
        with context.signer(bearer) as signer:
            if release is None:
                hashed = bytes.fromhex(hexadecimal)
                bundle = signer.sign_artifact(
                    Hashed(algorithm=HashAlgorithm.SHA2_256, digest=hashed)
                )
            else:
                bundle = signer.sign_dsse(_statement(hexadecimal, release))
    return _signed(bundle, bearer.issuer)


def _check_identity(bearer: IdentityToken, identity: str | None) -> None:
    """Before anything is logged: the log is public, and forgets nothing."""
    if identity is not None and bearer.identity != identity:
        raise SigningError(
            f"The token is {bearer.identity}'s, not {identity}'s: nothing is signed."
        )


def _statement(hexadecimal: str, release: Release) -> Statement:
    subject = Subject(name=release.name, digest={"sha256": hexadecimal})
    return StatementBuilder([subject], RELEASE, {"purl": release.purl}).build()


def _signed(bundle: Bundle, issuer: str) -> Signed:
    extensions = bundle.signing_certificate.extensions
    [name] = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return Signed(
        bundle=bundle.to_json().encode(),
        identity=str(name.value),
        issuer=issuer,
        log_index=bundle.log_entry._inner.log_index,  # noqa: SLF001  (no public way to it)
    )


def _bound(context: SigningContext) -> None:
    """Let no server keep us waiting for ever: sigstore's clients set no time limit."""
    fulcio, rekor = context._fulcio, context._rekor  # noqa: SLF001  (no public way to them)
    for session in (fulcio.session, getattr(rekor, "_session", None)):
        if session is not None:
            for scheme in ("http://", "https://"):
                session.mount(scheme, _BoundedAdapter())


class _BoundedAdapter(HTTPAdapter):
    def send(self, *args: Any, **options: Any) -> requests.Response:
        options["timeout"] = options.get("timeout") or ANSWER_SECONDS_MAX
        return super().send(*args, **options)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn everything that sigstore raises into one sentence."""
    try:
        yield
    except FulcioClientError as error:
        raise SigningError(f"No signing certificate: {_answer(error)}") from error
    except RekorClientError as error:
        raise SigningError(f"The transparency log refuses the signature: {error}") from error
    except (ExpiredIdentity, ExpiredCertificate) as error:
        raise SigningError("The identity token has expired: sign in again.") from error
    except (IdentityError, IssuerError) as error:
        raise SigningError(f"The identity token is of no use: {error}") from error
    except requests.RequestException as error:
        address = str(error.request.url) if error.request is not None else "The server"
        raise SigningError(f"{address} does not answer ({type(error).__name__}).") from error
    except (SigstoreError, ValueError, KeyError) as error:
        raise SigningError(f"Sigstore: {error or type(error).__name__}") from error


def _answer(error: FulcioClientError) -> str:
    """What the authority said; sigstore drops it from its error."""
    response = getattr(error.__cause__, "response", None)
    if response is None:
        return str(error) or "the certificate authority gives no answer that makes sense."
    try:
        return str(json.loads(response.text)["message"])
    except (ValueError, KeyError, TypeError):
        return f"the certificate authority answered {response.status_code}."
