"""A receiver of GitHub's webhooks."""

import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class HookReceiver:
    """A webhook's receiver that checks signatures, and answers as it is told."""

    def __init__(self, secret: str) -> None:
        self.heard: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["content-length"]))
                digest = hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
                good = self.headers["x-hub-signature-256"] == f"sha256={digest}"
                delivery, event = self.headers["x-github-delivery"], self.headers["x-github-event"]
                receiver.heard.append((delivery, event, json.loads(content)))
                self.send_response(receiver.answers.pop(0) if receiver.answers else good and 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Keep test output quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def actions(self, event: str) -> list[str]:
        return [body["action"] for _, name, body in self.heard if name == event]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
