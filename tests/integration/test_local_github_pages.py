"""The pages of the local GitHub show what it holds, and nothing of it as HTML of their own."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.local_github import LocalGitHub, local_github

NASTY = "<script>alert(1)</script>"
WORKFLOW = f"""
name: "{NASTY}"
run-name: "{NASTY}"
on: workflow_dispatch
jobs:
  one:
    name: "../{NASTY}"
    runs-on: ubuntu-latest
    steps:
      - name: "{NASTY}"
        run: printf '\\033[31mred\\033[0m {NASTY} \\342\\200\\256\\n::set-output name=x::y\\n'
"""
FILES = {
    ".github/workflows/w.yml": WORKFLOW.encode(),
    f"{NASTY.replace('/', '')}&\"'.md": NASTY.encode(),
    "data.bin": b"\x00\x01",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalGitHub]:
    with local_github(tmp_path, "http://127.0.0.1:9/hook") as started:
        started.repository("maker/spell", FILES, private=True)
        started.install("maker")
        yield started


def run_to_its_end(server: LocalGitHub) -> str:
    headers = {"authorization": f"Bearer {server.user_token('maker')}"}
    actions = "/repos/maker/spell/actions"
    body = {"ref": "main", "return_run_details": True}
    begun = server.http.post(f"{actions}/workflows/w.yml/dispatches", json=body, headers=headers)
    path = urlsplit(str(begun.raise_for_status().json()["html_url"])).path
    until = time.monotonic() + 30
    while "Job ../" not in (page := shown(server, path)) or "success." not in page:
        assert time.monotonic() < until, page
        time.sleep(0.05)
    return path


def shown(server: LocalGitHub, path: str) -> str:
    answer = server.http.get(path).raise_for_status()
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    return str(answer.text)


def test_a_run_is_shown_with_its_steps_and_log_escaped(server: LocalGitHub) -> None:
    page = shown(server, run_to_its_end(server))
    assert "red &lt;script&gt;alert(1)&lt;/script&gt; \N{REPLACEMENT CHARACTER}" in page
    assert "\x1b" not in page
    assert "&lt;script&gt;" in shown(server, "/")


def test_every_link_of_the_pages_leads_to_a_page(server: LocalGitHub) -> None:
    run_to_its_end(server)
    headers = {"authorization": f"Bearer {server.user_token('maker')}"}
    branches = "/repos/maker/spell/branches/main"
    head = server.http.get(branches, headers=headers).json()["commit"]["sha"]
    made = {"ref": "refs/heads/more", "sha": head}
    server.http.post("/repos/maker/spell/git/refs", json=made, headers=headers).raise_for_status()
    file = {"message": NASTY, "content": "PGI+", "branch": "more"}
    address = "/repos/maker/spell/contents/new"
    server.http.put(address, json=file, headers=headers).raise_for_status()
    pull = {"title": NASTY, "head": "more", "base": "main", "body": NASTY}
    server.http.post("/repos/maker/spell/pulls", json=pull, headers=headers).raise_for_status()
    seen, waiting = set(), ["/"]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += re.findall(r'href="([^"]+)"', shown(server, path))
    kinds = {re.sub(r"[0-9]+", "N", path) for path in seen}
    assert {"/", "/maker/spell", "/maker/spell/actions/runs/N", "/maker/spell/pull/N"} <= kinds
    assert "/deliveries/N" in kinds
    assert "/apps/spell-platform/installations/new" in kinds


def test_somebody_installs_the_app_on_its_page(server: LocalGitHub) -> None:
    server.owner("other")
    page = "/apps/spell-platform/installations/new"
    assert "<option>other</option>" in shown(server, page)
    assert server.http.post(page, data={"account": "other"}).status_code == 200
    assert "other" in shown(server, "/")
    assert server.http.post(page, data={"account": "nobody"}).status_code == 404
    assert server.http.get("/apps/another/installations/new").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"origin": "https://evil.example"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", ["/_local/tokens/maker", "/apps/spell-platform/installations/new"])
def test_another_site_reaches_nothing_through_the_browser(
    server: LocalGitHub, headers: dict[str, str], path: str
) -> None:
    assert server.http.post(path, headers=headers).status_code == 403
    assert server.http.get("/", headers=headers).status_code == 403


def test_the_api_knows_nothing_of_the_servers_own_parts(server: LocalGitHub) -> None:
    for path in ("/repos/_local/faults", "/users/_local", "/openapi.json", "/docs", "/none/none"):
        assert server.http.get(path).status_code == 404
    for login in ("_local", "repos", "..", "a/b", ""):
        answer = server.http.post("/_local/owners", json={"login": login})
        assert answer.status_code == 422, login


def test_a_path_that_leads_up_leads_nowhere(server: LocalGitHub) -> None:
    where = urlsplit(server.url)
    assert where.port is not None
    for path in (
        "/repos/maker/../../_local/faults",
        "/repos/maker%2F..%2F..%2F_local/faults",
        "/repos/maker/spell/../../../_local/tokens/maker",
        "/repos/maker/spell/contents/../../../../etc/passwd",
        "/repos/maker/spell/contents/%2e%2e/%2e%2e/etc/passwd",
        "//_local/faults",
        "/maker/spell/blob/main/..%2f..%2f..%2fgithub.sqlite",
    ):
        with socket.create_connection(("127.0.0.1", where.port), 10) as connection:
            head = f"GET {path} HTTP/1.1\r\nhost: {where.netloc}\r\nuser-agent: x\r\n"
            connection.sendall(f"{head}connection: close\r\n\r\n".encode())
            status = connection.makefile("rb").readline().split()[1]
        assert status == b"404", path
