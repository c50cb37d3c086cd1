"""The codec server of the Temporal UI: decrypts payloads for those with the scope."""

from fastapi import APIRouter, Request, Response

from api.bodies import read_body
from api.deps import Services, ServicesDep
from schema.errors import SpellError
from schema.limits import MIB
from schema.scopes import Scope

router = APIRouter(prefix="/codec", tags=["operations"], include_in_schema=False)

_LOOPBACK_HOSTS = ("127.0.0.1", "localhost")


@router.post("/decode")
async def decode(request: Request, services: ServicesDep) -> Response:
    """Temporal's codec protocol: JSON `Payloads` in, decrypted ones out."""
    only_owner = await _readable_account(request, services)
    body = await read_body(request, limit_bytes=16 * MIB, media_type="application/json")
    decoded = await services.decoder.decode(body, only_owner)
    return Response(decoded, media_type="application/json", headers=_cors(request, services))


@router.options("/decode")
async def preflight(request: Request, services: ServicesDep) -> Response:
    """Let the Temporal UI's own origin ask, and no other."""
    return Response(status_code=204, headers=_cors(request, services))


async def _readable_account(request: Request, services: Services) -> str | None:
    """Whose payloads may be read: with `audit:read` one's own, with `ops:deploy` too, all (None).

    On the local platform the UI's own page may read all.

    The host check keeps a foreign page from reaching us by a name that it points at this machine.
    """
    host = request.headers.get("host", "").partition(":")[0]
    origin = request.headers.get("origin")
    if origin in services.codec_origins and host in _LOOPBACK_HOSTS:
        return None
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    found = await services.accounts.authenticate(key) if scheme.lower() == "bearer" else None
    if found is None:
        raise SpellError("UNAUTHORIZED")
    if not found[0].may(Scope.AUDIT):
        raise SpellError("FORBIDDEN", details={"scope": Scope.AUDIT.value})
    return None if found[0].may(Scope.DEPLOY) else found[0].account_id


def _cors(request: Request, services: Services) -> dict[str, str]:
    origin = request.headers.get("origin")
    if origin is None or origin not in services.codec_origins:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Allow-Headers": "content-type, x-namespace, authorization",
        "Vary": "Origin",
    }
