"""Every address of the local GitHub with nonsense in it: refused, never a failure of the server."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from infra.embedded.github.app import make_app
from tests.support.local_github import LocalGitHub, local_github

WORDS = ("", "0", "-1", str(2**70), "1.5", "..", "\x00", "\x7f\n", "é" * 40, "a/b", "x" * 300, "%")
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**70, 1.5, "", "\x00", "\ud800", "é" * 40, "x" * 70_000, "main", "../x"),
    *([], [None], [[]], [{}], [{"path": 1}], {}, {"a": []}, {"name": 1, "email": []}, "aGk="),
)
MEMBERS = (
    *("message", "content", "sha", "branch", "tree", "base_tree", "parents", "author", "committer"),
    *("ref", "force", "title", "head", "base", "body", "state", "name", "private", "owner"),
    *("permissions", "repositories", "repository_ids", "inputs", "event_type", "client_payload"),
    *("return_run_details", "encoding", "description", "is_template", "login", "type", "members"),
    *("files", "account", "suspended", "user_code", "allow", "kind", "write", "times", "seconds"),
    *("status", "limit", "value", "access_token", "client_id", "device_code", "grant_type"),
)
# The id of a tree that holds one empty file, `a`.
_TREE = "496d6428b9cf92981dc9495211e6e1120fb6f2ba"
# It takes back the token that the tests have.
_SIGN_OUT = ("DELETE", "/installation/token")
QUERY = (
    *("page", "per_page", "ref", "sha", "state", "head", "base", "recursive", "created", "cursor"),
    *("name", "actor", "branch", "event", "status", "head_sha"),
)
_SHA = "0" * 40
# Bodies that are good, or nearly, of which one member at a time becomes nonsense.
GOOD: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("PUT", "/contents/new"): {"message": "m", "content": "aGk=", "sha": None, "branch": "main"},
    ("DELETE", "/contents/README.md"): {"message": "m", "sha": _SHA, "branch": "main"},
    ("POST", "/git/blobs"): {"content": "aGk=", "encoding": "base64"},
    ("POST", "/git/trees"): {"base_tree": "main", "tree": [{"path": "a", "mode": "100644"}]},
    ("POST", "/git/commits"): {
        "message": "m",
        "tree": _TREE,
        "parents": [],
        "author": {"name": "a", "email": "e", "date": "2026-01-01T00:00:00Z"},
    },
    ("POST", "/git/refs"): {"ref": "refs/heads/new", "sha": _SHA},
    ("PATCH", "/git/refs/heads/main"): {"sha": _SHA, "force": True},
    ("POST", "/pulls"): {"title": "t", "head": "other", "base": "main", "body": "b"},
    ("PATCH", "/pulls/1"): {"title": "t", "body": "b", "state": "open"},
    ("POST", "/generate"): {"name": "copy", "owner": "maker", "private": True, "description": ""},
    ("POST", "/dispatches"): {"event_type": "e", "client_payload": {}},
    ("POST", "/actions/workflows/w.yml/dispatches"): {"ref": "main", "inputs": {"x": "1"}},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGitHub]:
    with local_github(tmp_path_factory.mktemp("github")) as started:
        workflow = b"on: [workflow_dispatch, repository_dispatch]\njobs: {one: {steps: []}}\n"
        files = {"README.md": b"hello\n", ".github/workflows/w.yml": workflow}
        started.repository("maker/spell", files, is_template=True)
        token = started.user_token("maker")
        started.http.headers["authorization"] = f"Bearer {token}"
        yield started


def addresses(server: LocalGitHub, folder: Path) -> list[tuple[str, str]]:
    """Every verb and address that the server has."""
    app = make_app(folder, server.app, server.url)
    routes = [route for route in _flat(app.routes) if isinstance(route, APIRoute)]
    return [(verb, route.path) for route in routes for verb in sorted(route.methods or ())]


def _flat(routes: object) -> Iterator[object]:
    for route in routes:  # type: ignore[attr-defined]
        yield route
        if hasattr(route, "original_router"):
            yield from _flat(route.original_router.routes)


def filled(path: str, word: str) -> str:
    """The address of our repository, with the word wherever else something is named."""
    known = path.replace("{owner}", "maker").replace("{name}", "spell").replace("{repo}", "spell")
    return re.sub(r"\{[^}]+\}", quote(word, safe="/%"), known)


def failed(server: LocalGitHub, verb: str, address: str, **more: Any) -> list[str]:
    """What to tell of an answer, when it is a failure of the server."""
    answer = server.http.request(verb, address, **more)
    return [f"{verb} {address:.200}: {answer.status_code}"] if answer.is_server_error else []


def test_no_word_in_an_address_makes_the_server_fail(server: LocalGitHub, tmp_path: Path) -> None:
    asked = [path for verb, path in addresses(server, tmp_path) if verb == "GET"]
    assert len(asked) > 50
    found: list[str] = []
    for path in asked:
        for word in WORDS:
            found += failed(server, "GET", filled(path, word))
            found += failed(server, "GET", filled(path, "1"), params=dict.fromkeys(QUERY, word))
    assert found == []
    assert server.http.get("/user").status_code == 200


def test_no_value_in_a_body_makes_the_server_fail(server: LocalGitHub, tmp_path: Path) -> None:
    asked = [one for one in addresses(server, tmp_path) if one[0] != "GET" and one != _SIGN_OUT]
    assert len(asked) > 25
    found: list[str] = []
    for verb, path in asked:
        for value in VALUES:
            for body in (dict.fromkeys(MEMBERS, value), value):
                content = json.dumps(body)
                headers = {"content-type": "application/json"}
                more = {"content": content, "headers": headers}
                told = failed(server, verb, filled(path, "main"), **more)
                found += [f"{each} for {content:.60}" for each in told]
    assert found == []
    assert server.http.get("/user").status_code == 200


def test_no_value_beside_good_ones_makes_the_server_fail(server: LocalGitHub) -> None:
    repository = "/repos/maker/spell"
    other = {"message": "m", "content": "aGk=", "branch": "other"}
    head = server.http.get(f"{repository}/branches/main").json()["commit"]["sha"]
    begun = (
        ("POST", "/git/refs", {"ref": "refs/heads/other", "sha": head}),
        ("PUT", "/contents/other", other),
        ("POST", "/pulls", {"title": "t", "head": "other", "base": "main"}),
        ("POST", "/git/trees", {"tree": [{"path": "a", "mode": "100644", "content": ""}]}),
    )
    for verb, path, body in begun:
        server.http.request(verb, repository + path, json=body).raise_for_status()
    found: list[str] = []
    for (verb, path), good in GOOD.items():
        for name in good:
            for value in VALUES:
                content = json.dumps({**good, name: value})
                told = failed(server, verb, repository + path, content=content)
                found += [f"{each} for {name}={value!r:.40}" for each in told]
    assert found == []
    assert server.http.get("/user").status_code == 200
