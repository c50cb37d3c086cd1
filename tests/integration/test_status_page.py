"""Goal: the example of clone mode is sold and works. Method: buy it on the local GitHub, run it."""

import base64
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from cli.packages import package_folder
from infra.github.app import GitHubApp
from infra.github.templates import GitHubTemplates
from schema.contracts.plans import Mode
from schema.contracts.purchases import PurchaseInput, PurchaseOffer, PurchaseOrder
from schema.ids import purchase_id_for, sha256_digest
from schema.manifest import parse_manifest
from schema.pricing import OneTimePrice
from tests.support.e2e_cli import EXAMPLES
from tests.support.local_github import APP_ID, LocalGitHub, local_github

FOLDER = EXAMPLES / "status-page"
TEMPLATE, COPY = "maker/status-page", "buyer/our-status"
OF_BUYERS = {"administration": "write", "contents": "write", "pull_requests": "write"}
"""What docs/clone-mode.md asks of them."""
ACCOUNT = f"acct_{'a' * 16}"


def files() -> dict[str, bytes]:
    """The template repository: what is committed of the folder."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "."],
        cwd=FOLDER,
        check=True,
        capture_output=True,
        text=True,
    )
    return {name: (FOLDER / name).read_bytes() for name in listed.stdout.split()}


def an_order(version_digest: str) -> PurchaseOrder:
    manifest = parse_manifest(files()["manifest.toml"])
    offer = manifest.clone()
    assert offer is not None
    assert isinstance(offer.price, OneTimePrice)
    return PurchaseOrder(
        request=PurchaseInput(
            purchase_id=purchase_id_for(ACCOUNT, b"secret", "copy"),
            account_id=ACCOUNT,
            api_key_id=f"key_{'a' * 16}",
            fingerprint="a" * 26,
            spell_key=manifest.spell.key,
            repository=COPY,
        ),
        offer=PurchaseOffer(
            version=manifest.spell.version,
            package_digest=version_digest,
            maker_account_id=ACCOUNT,
            template_repo=TEMPLATE,
            license_url=offer.license_url,
            currency=offer.price.currency,
            price_micros=offer.price.price_micros,
        ),
    )


@pytest.fixture
def github(tmp_path: Path) -> Iterator[LocalGitHub]:
    with local_github(tmp_path) as server:
        server.repository(TEMPLATE, files(), is_template=True)
        server.owner("buyer")
        server.install("maker", permissions={"contents": "read"})
        server.install("buyer", permissions=OF_BUYERS)
        yield server


def test_its_package_offers_a_copy_and_nothing_that_runs() -> None:
    manifest = parse_manifest(files()["manifest.toml"])
    assert manifest.modes() == [Mode.CLONE]
    assert package_folder(FOLDER)


def test_a_copy_has_every_file_and_a_first_pull_request(github: LocalGitHub) -> None:
    order = an_order(sha256_digest(package_folder(FOLDER)))
    host = GitHubTemplates(
        GitHubApp(
            api_url=github.url,
            pages_url=github.url,
            app_id=str(APP_ID),
            slug="spell-platform",
            key=github.key,
        )
    )
    token, began = github.user_token("buyer"), datetime.now(UTC) - timedelta(minutes=1)
    host.check(token, TEMPLATE, COPY)
    made = host.generate(token, order)
    assert made is not None
    assert host.find(token, order, began) == made
    page = host.open_setup_pull_request(token, order, made)
    assert host.open_setup_pull_request(token, order, made) == page
    client = httpx.Client(
        base_url=github.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )
    with client:
        for name, content in files().items():
            assert _content(client, name) == content, name
        told = _content(client, "SPELL.md", ref="spell/set-up").decode()
    assert order.offer.license_url in told
    assert order.offer.package_digest in told


def _content(client: httpx.Client, name: str, **query: str) -> bytes:
    answer = client.get(f"/repos/{COPY}/contents/{name}", params=query).raise_for_status()
    return base64.b64decode(answer.json()["content"])


class Sites(BaseHTTPRequestHandler):
    """Answers with the status that the path asks for."""

    def do_GET(self) -> None:
        status = int(self.path.rpartition("/")[2])
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:9/nowhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def serving() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Sites)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def look(folder: Path, sites: list[dict[str, str]]) -> subprocess.CompletedProcess[str]:
    """One run of the workflow's step, in a copy, with a clean environment."""
    for name, content in files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "sites.json").write_text(json.dumps(sites))
    workflow = yaml.safe_load(files()[".github/workflows/check.yml"])
    (step,) = [each for each in workflow["jobs"]["check"]["steps"] if each["name"] == "Look"]
    command = step["run"].split()
    assert command[0] == "python3"
    return subprocess.run(
        [sys.executable, *command[1:]],
        cwd=folder,
        env={},
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_page_says_who_answers_and_remembers(tmp_path: Path) -> None:
    with serving() as url, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        sites = [
            {"name": "Good <b>&", "url": f"{url}/200"},
            {"name": "Moved", "url": f"{url}/302"},
            {"name": "Broken", "url": f"{url}/500"},
            {"name": "Gone", "url": f"http://127.0.0.1:{closed.getsockname()[1]}/"},
            {"name": "File", "url": "file:///etc/passwd"},
        ]
        for _ in range(2):
            done = look(tmp_path, sites)
            assert done.returncode == 0, done.stderr
    history = json.loads((tmp_path / "docs" / "history.json").read_text())
    seen = {
        url.rpartition("/")[2] or "gone": [x["up"] for x in looks] for url, looks in history.items()
    }
    assert seen == {
        "200": [True, True],
        "302": [True, True],
        "500": [False, False],
        "gone": [False, False],
        "passwd": [False, False],
    }
    page = (tmp_path / "docs" / "index.html").read_text()
    assert "Some sites do not answer" in page
    assert "Good &lt;b&gt;&amp;" in page
    assert "100.0 % of 2" in page
    assert "root:" not in page


def test_too_many_sites_are_refused(tmp_path: Path) -> None:
    done = look(tmp_path, [{"name": "x", "url": "https://x.example/"}] * 51)
    assert done.returncode == 1
    assert "more than 50" in done.stderr


def test_its_workflow_may_do_no_more_than_it_needs() -> None:
    workflow = yaml.safe_load(files()[".github/workflows/check.yml"])
    assert workflow["permissions"] == {"contents": "write"}
    used = [step["uses"] for step in workflow["jobs"]["check"]["steps"] if "uses" in step]
    assert all(len(name.partition("@")[2]) == 40 for name in used)
