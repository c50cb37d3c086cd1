"""The device flow of a GitHub App: a code for a person to confirm, then tokens that expire.

RFC 8628, with GitHub's names: answers of the token address are 200, errors included.
"""

import html
import secrets
import time
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.server import Server
from infra.embedded.github.state import USER_TOKEN_SECONDS

_DEVICE = "device"
_SECONDS, _INTERVAL, _SLOWER = 900, 5, 5
_REFRESH_SECONDS = 6 * 30 * 86_400
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


def routes(server: Server) -> APIRouter:
    """Routes below `/login`."""
    router, state = APIRouter(), server.state

    @router.post("/login/device/code")
    async def begin(request: Request) -> JSONResponse:
        form = await _form(request)
        if form.get("client_id") != state.app.client_id:
            return _error("incorrect_client_credentials")
        letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
        body: Document = {
            "device_code": secrets.token_hex(20),
            "user_code": f"{letters[:4]}-{letters[4:]}",
            "expires_at": time.time() + _SECONDS,
            "login": None,
            "denied": False,
            "asked_at": 0.0,
            "interval": _INTERVAL,
        }
        state.documents.add(_DEVICE, body)
        return JSONResponse(
            {
                "device_code": body["device_code"],
                "user_code": body["user_code"],
                "verification_uri": f"{server.base_url}/login/device",
                "expires_in": _SECONDS,
                "interval": _INTERVAL,
            }
        )

    @router.get("/login/device")
    def page() -> HTMLResponse:
        url = html.escape(f"{server.base_url}/login/device")
        return HTMLResponse(
            f'<form method="post" action="{url}"><input name="user_code" placeholder="code">'
            '<input name="login" placeholder="local user"><button>Authorize</button></form>'
        )

    @router.post("/login/device")
    async def confirm(request: Request) -> HTMLResponse:
        form = await _form(request)
        done = decide(server, form.get("user_code", ""), form.get("login", ""), allow=True)
        return HTMLResponse("Connected." if done else "No such code or user.", 200 if done else 404)

    @router.post("/login/oauth/access_token")
    async def token(request: Request) -> JSONResponse:
        form = await _form(request)
        if form.get("client_id") != state.app.client_id:
            return _error("incorrect_client_credentials")
        if form.get("grant_type") == "refresh_token":
            return _refreshed(server, form)
        if form.get("grant_type") == _DEVICE_GRANT:
            return _of_device(server, form)
        return _error("unsupported_grant_type")

    return router


def decide(server: Server, user_code: str, login: str, *, allow: bool) -> bool:
    """What a person says to a device's code; False when there is no such code or person."""
    if server.state.owner(login) is None:
        return False
    said = {"login": login if allow else None, "denied": not allow}
    for one in server.state.documents.all(_DEVICE):
        if one["user_code"] == user_code and one["expires_at"] > time.time():
            server.state.documents.change(_DEVICE, one["id"], lambda body: body.update(said))
            return True
    return False


def _of_device(server: Server, form: dict[str, str]) -> JSONResponse:
    for one in server.state.documents.all(_DEVICE):
        if one["device_code"] != form.get("device_code"):
            continue
        if one["expires_at"] <= time.time():
            return _error("expired_token")
        if one["denied"]:
            return _error("access_denied")
        if one["login"] is None:
            return _pending(server, one)
        server.state.documents.drop(_DEVICE, one["id"])
        return _tokens(server, one["login"])
    return _error("incorrect_device_code")


def _pending(server: Server, one: Document) -> JSONResponse:
    """Not yet; whoever asks more often than the interval says waits for longer from then on."""
    now = time.time()
    early = now - one["asked_at"] < one["interval"]
    interval = one["interval"] + _SLOWER if early else one["interval"]
    server.state.documents.change(
        _DEVICE, one["id"], lambda body: body.update(asked_at=now, interval=interval)
    )
    if early:
        return _error("slow_down", interval=interval)
    return _error("authorization_pending")


def _refreshed(server: Server, form: dict[str, str]) -> JSONResponse:
    """New tokens for a refresh token, which is good once, and so is the token beside it."""
    if form.get("client_secret") != server.state.app.client_secret:
        return _error("incorrect_client_credentials")
    text = form.get("refresh_token", "")
    found = server.state.token(text)
    if found is None or found["kind"] != "refresh":
        return _error("bad_refresh_token")
    server.state.drop_tokens(found["login"], found["pair"])
    return _tokens(server, found["login"])


def _tokens(server: Server, login: str) -> JSONResponse:
    both = {"login": login, "pair": secrets.token_hex(8)}
    access, _ = server.state.add_token("ghu_", USER_TOKEN_SECONDS, kind="user", **both)
    refresh, _ = server.state.add_token("ghr_", _REFRESH_SECONDS, kind="refresh", **both)
    return JSONResponse(
        {
            "access_token": access,
            "expires_in": USER_TOKEN_SECONDS,
            "refresh_token": refresh,
            "refresh_token_expires_in": _REFRESH_SECONDS,
            "scope": "",
            "token_type": "bearer",
        }
    )


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body())[:10_000].decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(body).items()}


def _error(code: str, **more: int) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": code.replace("_", " "), **more})
