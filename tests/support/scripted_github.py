"""A GitHub that answers what a test says: for answers that no well-behaved server gives."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.github.actions_host import GitHubActions
from infra.github.app import GitHubApp
from schema.contracts.plans import ActionsLimits, ActionsPlan, Dispatch, Mode
from schema.pricing import FlatPrice

REPOSITORY_ID = 71
TOKEN = "ghs_a-token-that-nobody-may-see"
GRANTED = {"actions": "write", "contents": "write", "metadata": "read"}
WORKFLOW_YAML = b"on: [workflow_dispatch, repository_dispatch]\n"


@cache
def app_key() -> str:
    """A private key of an App, PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    verb: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """One answer; `drop` breaks the connection instead of answering."""

    status: int = 200
    document: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    drop: bool = False


Script = Callable[[Asked], Answer | None]


class ScriptedGitHub:
    """Answers by `script`; None of it gives the App's usual answers."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: Script = lambda _: None
        self.url = ""
        self.installation: dict[str, Any] = {"id": 7, "permissions": GRANTED}

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.script(asked) or self._usual(asked)

    def asked_for(self, verb: str, ending: str) -> list[Asked]:
        return [
            a for a in self.asked if a.verb == verb and a.path.partition("?")[0].endswith(ending)
        ]

    def _usual(self, asked: Asked) -> Answer:
        if asked.path.endswith("/installation"):
            return Answer(200, self.installation)
        if asked.path.endswith("/access_tokens"):
            token = {"token": TOKEN, "expires_at": "2999-01-01T00:00:00Z"}
            return Answer(201, {**token, "repositories": [{"id": REPOSITORY_ID}]})
        return Answer(404, {"message": "Not Found"})

    @property
    def app(self) -> GitHubApp:
        return GitHubApp(
            api_url=self.url,
            pages_url="https://github.example",
            app_id="1234",
            slug="spell-platform",
            key=app_key(),
        )

    @property
    def host(self) -> GitHubActions:
        return GitHubActions(self.app)


@contextmanager
def scripted_github() -> Iterator[ScriptedGitHub]:
    """One that listens while the context is open."""
    scripted = ScriptedGitHub()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def _answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            sent = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            is_form = "urlencoded" in headers.get("content-type", "")
            body = sent.decode() if is_form else json.loads(sent) if sent else None
            answer = scripted.answer(Asked(self.command, self.path, headers, body))
            if answer.drop:
                self.close_connection = True
                self.connection.close()
                return
            content = answer.content
            if content is None:
                content = b"" if answer.document is None else json.dumps(answer.document).encode()
            self.send_response_only(answer.status)
            for name, value in {"content-type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815  (names of http.server)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scripted.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield scripted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def an_actions_plan(**changes: Any) -> ActionsPlan:
    """A plan of workflow mode."""
    plan = ActionsPlan(
        mode=Mode.WORKFLOW,
        spell_key="com.example.spell",
        version="1.0.0",
        package_digest="sha256:" + "0" * 64,
        repo="acme/resizer",
        workflow="spell.yml",
        ref="main",
        dispatch=Dispatch.WORKFLOW,
        limits=ActionsLimits(timeout_ms=600_000),
        price=FlatPrice(model="flat", currency="USD", price_micros=500),
        maker_account_id="acct_" + "a" * 16,
    )
    return plan.model_copy(update=changes)
