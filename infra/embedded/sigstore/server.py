"""The local Sigstore over HTTP: the routes that Sigstore's clients know, and one for tokens."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.embedded.sigstore.identities import identity_of
from infra.embedded.sigstore.instance import LocalSigstore
from infra.embedded.sigstore.refusal import RefusedError
from infra.embedded.sigstore.request_reading import (
    bearer,
    certificate_request,
    check_secret,
    natural,
    read_body,
    read_json,
)

_KIB = 1024
TOKEN_REQUEST_BYTES_MAX = 4 * _KIB
CERTIFICATE_REQUEST_BYTES_MAX = 32 * _KIB
ENTRY_BYTES_MAX = 1024 * _KIB
TIMESTAMP_QUERY_BYTES_MAX = 4 * _KIB
Handler = Callable[[Request], Awaitable[Response]]


def make_app(sigstore: LocalSigstore, token_secret: str, url: str) -> Starlette:
    """The ASGI application.

    Args:
        sigstore: does the work.
        token_secret: whoever knows it may have a token for any identity.
        url: where the application will be found.
    """
    return Starlette(
        routes=[
            Route("/health", _health),
            *_token_routes(sigstore, token_secret, url),
            *_certificate_routes(sigstore),
            *_log_routes(sigstore),
            *_tile_and_time_routes(sigstore),
        ],
        exception_handlers={RefusedError: _refused},
    )


def _token_routes(sigstore: LocalSigstore, token_secret: str, url: str) -> list[Route]:
    """An OpenID Connect issuer with a token endpoint of its own kind: no browser, one secret."""
    tokens = sigstore.tokens

    async def discovery(_request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": tokens.issuer,
                "token_endpoint": f"{url}/token",
                "jwks_uri": f"{url}/keys",
                "id_token_signing_alg_values_supported": ["ES256"],
            }
        )

    async def keys(_request: Request) -> Response:
        return JSONResponse(tokens.key_set())

    async def token(request: Request) -> Response:
        check_secret(request, token_secret)
        asked = await read_json(request, TOKEN_REQUEST_BYTES_MAX)
        try:
            identity = identity_of(asked)
        except ValueError:
            raise RefusedError(
                "No identity: give `email`, or `repository` (owner/name) and, if you like, `ref` "
                "(refs/…), `workflow`, `sha` (40 hexadecimal digits)."
            ) from None
        return JSONResponse({"id_token": tokens.issue(identity), "token_type": "Bearer"})

    return [
        Route("/.well-known/openid-configuration", discovery),
        Route("/keys", keys),
        Route("/token", token, methods=["POST"]),
    ]


def _certificate_routes(sigstore: LocalSigstore) -> list[Route]:
    """As Fulcio's HTTP interface, version 2."""

    async def signing_certificate(request: Request) -> Response:
        token = bearer(request)
        document = await read_json(request, CERTIFICATE_REQUEST_BYTES_MAX)
        chain = sigstore.certify(certificate_request(document), token)
        certificates = [each.public_bytes(Encoding.PEM).decode("ascii") for each in chain]
        return JSONResponse(
            {"signedCertificateEmbeddedSct": {"chain": {"certificates": certificates}}}
        )

    async def trust_bundle(_request: Request) -> Response:
        chain = sigstore.keys.issuing_certificate, sigstore.keys.root_certificate
        certificates = [each.public_bytes(Encoding.PEM).decode("ascii") for each in chain]
        return JSONResponse({"chains": [{"certificates": certificates}]})

    return [
        Route("/api/v2/signingCert", signing_certificate, methods=["POST"]),
        Route("/api/v2/trustBundle", trust_bundle),
    ]


def _log_routes(sigstore: LocalSigstore) -> list[Route]:
    """As Rekor's HTTP interface, version 1."""
    log = sigstore.log

    async def add(request: Request) -> Response:
        proposed = await read_json(request, ENTRY_BYTES_MAX)
        return JSONResponse(log.add(proposed), HTTPStatus.CREATED)

    async def by_index(request: Request) -> Response:
        return JSONResponse(log.entry(natural(request, "logIndex")))

    async def by_id(request: Request) -> Response:
        return JSONResponse(log.entry_by_id(request.path_params["entry_id"]))

    async def state(_request: Request) -> Response:
        return JSONResponse(log.state())

    async def proof(request: Request) -> Response:
        first, last = natural(request, "firstSize"), natural(request, "lastSize")
        return JSONResponse(log.consistency(first, last))

    return [
        Route("/api/v1/log", state),
        Route("/api/v1/log/proof", proof),
        Route("/api/v1/log/entries", add, methods=["POST"]),
        Route("/api/v1/log/entries", by_index, methods=["GET"]),
        Route("/api/v1/log/entries/{entry_id}", by_id),
    ]


def _tile_and_time_routes(sigstore: LocalSigstore) -> list[Route]:
    """As Rekor's HTTP interface, version 2, and a time-stamp authority's."""

    async def add(request: Request) -> Response:
        proposed = await read_json(request, ENTRY_BYTES_MAX)
        return JSONResponse(sigstore.tile_log.add(proposed), HTTPStatus.CREATED)

    async def stamp(request: Request) -> Response:
        query = await read_body(request, TIMESTAMP_QUERY_BYTES_MAX)
        response = sigstore.timestamps.stamp(query)
        return Response(response, media_type="application/timestamp-reply")

    return [
        Route("/api/v2/log/entries", add, methods=["POST"]),
        Route("/api/v1/timestamp", stamp, methods=["POST"]),
    ]


async def _health(_request: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _refused(_request: Request, error: Any) -> Response:
    """In the form of Fulcio's and Rekor's errors."""
    document = {"code": int(error.status), "message": error.message}
    return JSONResponse(document, error.status)
