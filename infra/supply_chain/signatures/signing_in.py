"""Who signs: the CI job that runs us, somebody at a browser, or whom a local issuer believes."""

import os
import sys
from collections.abc import Mapping
from typing import Any

import httpx
import requests
from sigstore.errors import Error as SigstoreError
from sigstore.models import ClientTrustConfig
from sigstore.oidc import IdentityError, Issuer, IssuerError, detect_credential

from infra.supply_chain.signatures.signing import SigningError

_ANSWER_SECONDS_MAX = 10.0
_NO_IDENTITY = (
    "Nobody is here to sign in. In a GitHub workflow, give the job `permissions: id-token: write`; "
    "elsewhere run `spell sign` in a terminal."
)


def ambient_token() -> str | None:
    """The token of the CI job that runs us (GitHub Actions, GitLab, Buildkite …); None elsewhere.

    Raises:
        SigningError: the job is there, but may not have a token.
    """
    try:
        return detect_credential()
    except IdentityError as error:
        in_github = "GITHUB_ACTIONS" in os.environ
        hint = " Give the job `permissions: id-token: write`." if in_github else ""
        raise SigningError(f"The CI job gets no identity token: {error}.{hint}") from error


def check_somebody_is_here() -> None:
    """Whether somebody could sign in.

    Raises:
        SigningError: we do not run in a terminal.
    """
    if not sys.stdin.isatty():
        raise SigningError(_NO_IDENTITY)


def interactive_token(config: ClientTrustConfig) -> str:
    """A token for whoever signs in: in a browser, or with a code where there is none.

    Args:
        config: names the issuer to sign in at.

    Raises:
        SigningError: it failed.
    """
    try:
        issuer = Issuer(config.signing_config.get_oidc_url())
        return str(issuer.identity_token())
    except (SigstoreError, IssuerError, requests.RequestException, EOFError) as error:
        raise SigningError(f"Signing in failed: {error or type(error).__name__}") from error


def local_token(url: str, secret: str, identity: Mapping[str, Any]) -> str:
    """A token from the local Sigstore, which believes whoever knows its secret.

    Args:
        url: where it is.
        secret: of its token endpoint.
        identity: `email`, or what a workflow is named by; see docs/signing.md.

    Raises:
        SigningError: it refuses, or does not answer.
    """
    headers = {"Authorization": f"Bearer {secret}"}
    try:
        response = httpx.post(
            f"{url}/token", json=dict(identity), headers=headers, timeout=_ANSWER_SECONDS_MAX
        )
        document = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise SigningError(
            f"The local Sigstore at {url} does not answer ({type(error).__name__}). Is the "
            "platform running? `spell dev` starts one."
        ) from error
    if response.is_error:
        raise SigningError(f"The local Sigstore gives no token: {document.get('message')}")
    return str(document["id_token"])
