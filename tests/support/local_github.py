"""The local GitHub in a thread of this process, with an App whose key the tests have."""

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.types import ASGIApp

from infra.embedded.github.app import make_app
from infra.embedded.github.state import App

APP_ID = 4711


@dataclass(frozen=True)
class LocalGitHub:
    """A running server, what it is told by hand, and the App's private key."""

    url: str
    key: str
    app: App
    http: httpx.Client

    def repository(self, full_name: str, files: Mapping[str, bytes], **more: Any) -> Any:
        """A repository with these files; again: another commit."""
        owner, _, name = full_name.partition("/")
        packed = {path: base64.b64encode(content).decode() for path, content in files.items()}
        body = {"owner": owner, "name": name, "files": packed, **more}
        return self.local("POST", "repositories", body)

    def owner(self, login: str, **more: Any) -> Any:
        """A user, or an organisation."""
        return self.local("POST", "owners", {"login": login, **more})

    def install(self, account: str, **more: Any) -> Any:
        """The App with an owner."""
        return self.local("PUT", "installations", {"account": account, **more})

    def user_token(self, login: str) -> str:
        """A user access token, without the device flow."""
        return str(self.local("POST", f"tokens/{login}", {})["token"])

    def local(self, method: str, path: str, body: Any = None) -> Any:
        """Tell the server something by hand."""
        answer = self.http.request(method, f"/_local/{path}", json=body).raise_for_status()
        return answer.json() if answer.content else None


@contextmanager
def local_github(
    folder: Path, webhook_url: str = "", around: Callable[[ASGIApp], ASGIApp] | None = None
) -> Iterator[LocalGitHub]:
    """The server over a folder; `around` may put something around the whole of it."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    app = App(
        *(APP_ID, "spell-platform", public.decode()),
        *("Iv1.local", "client-secret", webhook_url, "hook-secret"),
    )
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    made: ASGIApp = make_app(folder, app, url)
    config = uvicorn.Config(around(made) if around else made, port=port, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as http:
        _ready(http)
        try:
            yield LocalGitHub(url, pem, app, http)
        finally:
            server.should_exit = True
            thread.join(10)


def _ready(http: httpx.Client) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            http.get("/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the local GitHub did not start")
