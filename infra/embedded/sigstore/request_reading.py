"""Reading what clients send: bounded in size and time, refused with a sentence."""

import asyncio
import base64
import hmac
import json
from http import HTTPStatus
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from starlette.requests import Request

from infra.embedded.sigstore.refusal import RefusedError

BODY_SECONDS_MAX = 5.0
_BEARER = "Bearer "


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The body.

    Raises:
        RefusedError: it is larger than `bytes_max` (413), or takes too long to come (408).
    """
    content = b""
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for chunk in request.stream():
                content += chunk
                if len(content) > bytes_max:
                    message = f"The body is larger than {bytes_max} bytes."
                    raise RefusedError(message, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    except TimeoutError:
        message = f"The body did not come within {BODY_SECONDS_MAX:.0f} s."
        raise RefusedError(message, HTTPStatus.REQUEST_TIMEOUT) from None
    return content


async def read_json(request: Request, bytes_max: int) -> dict[str, Any]:
    """The body as a JSON object.

    Raises:
        RefusedError: it is none, or see `read_body`.
    """
    content = await read_body(request, bytes_max)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise RefusedError("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise RefusedError("The body is not a JSON object.")
    return document


def bearer(request: Request) -> str:
    """The bearer token of the request.

    Raises:
        RefusedError: there is none; 401.
    """
    header = request.headers.get("authorization", "")
    if not header.startswith(_BEARER):
        message = "The request has no bearer token (header Authorization)."
        raise RefusedError(message, HTTPStatus.UNAUTHORIZED)
    return header.removeprefix(_BEARER).strip()


def check_secret(request: Request, secret: str) -> None:
    """Let in only who knows the secret.

    Raises:
        RefusedError: another one, or none; 401.
    """
    if not hmac.compare_digest(bearer(request).encode(), secret.encode()):
        raise RefusedError(
            "Tokens are given only to the user of this platform: the secret is another one. "
            "`.spell/client.json` has it.",
            HTTPStatus.UNAUTHORIZED,
        )


def certificate_request(document: dict[str, Any]) -> x509.CertificateSigningRequest:
    """The certificate request of a document, as Fulcio's clients send it.

    Raises:
        RefusedError: it is none, or over a key of an unknown kind.
    """
    try:
        request = x509.load_pem_x509_csr(
            base64.b64decode(document["certificateSigningRequest"], validate=True)
        )
        request.public_key()
    except (KeyError, TypeError, ValueError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise RefusedError(
            "`certificateSigningRequest` is not the base64 of a certificate request in PEM."
        ) from None
    return request


def natural(request: Request, name: str) -> int:
    """A number of the query string.

    Raises:
        RefusedError: it is not there, or no natural number.
    """
    text = request.query_params.get(name, "")
    digits_max = 15
    if not (text.isascii() and text.isdigit() and len(text) <= digits_max):
        raise RefusedError(f"`{name}` is not a natural number.")
    return int(text)
