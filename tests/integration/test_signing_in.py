"""Whose token signs, away from a local platform: the CI job's, or that of whoever signs in.

Method: a stand-in for GitHub's and for the public issuer hands out tokens of the local one, so that
the local Sigstore accepts them. The flows are sigstore's own.
"""

import gc
import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from sigstore.models import ClientTrustConfig
from sigstore.verify import policy

from infra.supply_chain.signatures.signing import SigningError, sign
from infra.supply_chain.signatures.signing_in import (
    ambient_token,
    check_somebody_is_here,
    interactive_token,
)
from tests.support.local_sigstore import DIGEST, Place, running_sigstore
from tests.support.signing import MAKER, WORKFLOW


class Issuer(ThreadingHTTPServer):
    """Gives every caller the same token, in the ways of GitHub and of OpenID Connect."""

    daemon_threads = True

    def __init__(self, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.token = token
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if asked.path == "/github":
            assert self.headers["Authorization"] == "bearer request-token"
            assert query["audience"] == "sigstore"
            self._answer({"value": self.server.token})
        elif asked.path == "/auth":
            back = urlencode({"code": "a-code", "state": query["state"]})
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri']}?{back}")
            self.end_headers()
        else:
            url = self.server.url
            endpoints = {"authorization_endpoint": f"{url}/auth", "token_endpoint": f"{url}/code"}
            self._answer(endpoints)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert parse_qs(body)["code"] == ["a-code"]
        self._answer({"access_token": self.server.token})

    def log_message(self, *_: Any) -> None:
        """Be silent."""

    def _answer(self, document: dict[str, str]) -> None:
        content = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture(scope="module")
async def place() -> AsyncIterator[Place]:
    async with running_sigstore() as place:
        yield place


def issuer_of(token: str) -> Iterator[Issuer]:
    with Issuer(token) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def github(place: Place) -> Iterator[Issuer]:
    yield from issuer_of(place.token(WORKFLOW.model_dump()))


@pytest.fixture
def public(place: Place) -> Iterator[Issuer]:
    yield from issuer_of(place.token())


def config_with(place: Place, issuer_url: str) -> ClientTrustConfig:
    """Where to sign, and where to sign in."""
    document = json.loads(Path(place.config_file).read_text())
    document["signingConfig"]["oidcUrls"][0]["url"] = issuer_url
    return ClientTrustConfig.from_json(json.dumps(document))


def test_a_github_job_signs_as_its_workflow(
    place: Place, github: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request-token")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", f"{github.url}/github?v=2")
    token = ambient_token()
    assert token == github.token
    signed = sign(place.config, token, DIGEST)
    assert signed.identity == (
        "https://github.com/acme/spells/.github/workflows/publish.yml@refs/tags/v1"
    )
    place.verify(signed, by=_by(signed.identity, signed.issuer))


# sigstore leaves the listener that the browser is sent back to for the collector to close.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"
)
def test_somebody_signs_in_with_a_browser(
    place: Place, public: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def browse(url: str) -> bool:
        options: dict[str, Any] = {"follow_redirects": True, "timeout": 10}
        threading.Thread(target=httpx.get, args=(url,), kwargs=options).start()
        return True

    monkeypatch.setattr("sigstore.oidc.webbrowser.open", browse)
    config = config_with(place, public.url)
    token = interactive_token(config)
    gc.collect()
    assert token == public.token
    signed = sign(config, token, DIGEST, identity=MAKER.email)
    assert signed.identity == MAKER.email
    place.verify(signed)


def test_an_issuer_that_does_not_answer_ends_signing_in(place: Place) -> None:
    with pytest.raises(SigningError, match="Signing in failed"):
        interactive_token(config_with(place, "http://127.0.0.1:9"))


def test_outside_of_ci_there_is_no_token_and_outside_of_a_terminal_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"):
        monkeypatch.delenv(name, raising=False)
    # Otherwise Google's clouds are asked whether this is one of their machines.
    monkeypatch.setattr("id._internal.oidc.ambient.detect_gcp", lambda _audience: None)
    assert ambient_token() is None
    with pytest.raises(SigningError, match="Nobody is here"):
        check_somebody_is_here()


def _by(identity: str, issuer: str) -> Any:
    return policy.Identity(identity=identity, issuer=issuer)
