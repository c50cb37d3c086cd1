"""Goal: unmodified PyGithub works with the local GitHub, and meets its refusals."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from github import Auth, Github, GithubException, GithubIntegration

from tests.support.local_github import APP_ID, LocalGitHub, local_github

FILES = {"README.md": b"hello\n", ".github/workflows/run.yml": b"on: workflow_dispatch\n"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalGitHub]:
    with local_github(tmp_path) as started:
        started.repository("maker/spell", FILES)
        yield started


def integration(server: LocalGitHub, key: str | None = None) -> GithubIntegration:
    auth = Auth.AppAuth(APP_ID, key or server.key)
    return GithubIntegration(auth=auth, base_url=server.url, retry=None)


def as_user(server: LocalGitHub, login: str) -> Github:
    auth = Auth.Token(server.user_token(login))
    return Github(auth=auth, base_url=server.url, retry=None)


def as_app(server: LocalGitHub, **permissions: str) -> Github:
    found = integration(server)
    installation = found.get_repo_installation("maker", "spell")
    token = found.get_access_token(installation.id, permissions=permissions or None)
    return Github(auth=Auth.Token(token.token), base_url=server.url, retry=None)


def test_the_app_finds_where_it_is_installed_and_reads_there(server: LocalGitHub) -> None:
    server.install("maker", permissions={"contents": "read", "actions": "write"})
    app = integration(server).get_app()
    assert (app.id, app.slug) == (APP_ID, "spell-platform")
    repository = as_app(server, contents="read").get_repo("maker/spell")
    content = repository.get_contents("README.md")
    assert not isinstance(content, list)
    assert content.decoded_content == b"hello\n"


def test_another_key_is_not_the_app(server: LocalGitHub, tmp_path: Path) -> None:
    with local_github(tmp_path / "other") as other, pytest.raises(GithubException) as caught:
        integration(server, other.key).get_app()
    assert caught.value.status == 401


def test_where_the_app_is_not_installed_it_finds_nothing(server: LocalGitHub) -> None:
    with pytest.raises(GithubException) as caught:
        integration(server).get_repo_installation("maker", "spell")
    assert caught.value.status == 404


def test_an_installation_on_some_repositories_is_on_no_other(server: LocalGitHub) -> None:
    server.repository("maker/other", FILES, private=True)
    server.install("maker", repositories=["spell"])
    with pytest.raises(GithubException) as caught:
        as_app(server).get_repo("maker/other")
    assert caught.value.status == 404


def test_a_token_has_no_more_than_its_installation(server: LocalGitHub) -> None:
    server.install("maker", permissions={"contents": "read"})
    with pytest.raises(GithubException) as caught:
        as_app(server, contents="write")
    assert caught.value.status == 422


def test_what_a_token_may_not_write_is_refused(server: LocalGitHub) -> None:
    server.install("maker", permissions={"contents": "write"})
    repository = as_app(server, contents="read").get_repo("maker/spell")
    with pytest.raises(GithubException) as caught:
        repository.create_file("new.txt", "new", "content")
    assert (caught.value.status, caught.value.data["message"]) == (
        403,
        "Resource not accessible by integration",
    )


def test_a_suspended_installation_gives_no_token(server: LocalGitHub) -> None:
    server.install("maker", suspended=True)
    with pytest.raises(GithubException) as caught:
        as_app(server)
    assert caught.value.status == 403


def test_who_may_push_is_told(server: LocalGitHub) -> None:
    server.owner("stranger")
    assert as_user(server, "maker").get_repo("maker/spell").permissions.push
    assert not as_user(server, "stranger").get_repo("maker/spell").permissions.push


def test_a_template_becomes_a_repository_with_a_pull_request(server: LocalGitHub) -> None:
    server.repository("maker/template", FILES, is_template=True)
    server.owner("buyer")
    buyer = as_user(server, "buyer")
    template = buyer.get_repo("maker/template")
    made = buyer.get_user().create_repo_from_template("copy", template, private=True)
    assert made.full_name == "buyer/copy"
    assert made.private
    head = made.get_branch("main").commit.sha
    made.create_git_ref("refs/heads/set-up", head)
    made.create_file("SPELL.md", "Set up", "what to do", branch="set-up")
    pull = made.create_pull(base="main", head="set-up", title="Set up", body="Merge me.")
    assert (pull.number, pull.head.ref, pull.state) == (1, "set-up", "open")
    assert [one.number for one in made.get_pulls()] == [1]
    assert buyer.get_repo("buyer/copy").raw_data["template_repository"]["name"] == "template"
    with pytest.raises(GithubException) as caught:
        buyer.get_user().create_repo_from_template("copy", template)
    assert caught.value.status == 422


def test_what_was_made_is_there_after_a_restart(tmp_path: Path) -> None:
    with local_github(tmp_path) as first:
        first.repository("maker/spell", FILES)
    with local_github(tmp_path) as second:
        assert as_user(second, "maker").get_repo("maker/spell").default_branch == "main"


def test_the_device_flow_gives_tokens_that_are_refreshed_once(server: LocalGitHub) -> None:
    client = {"client_id": server.app.client_id}
    begun = server.http.post("/login/device/code", data=client).json()
    grant = {
        **client,
        "device_code": begun["device_code"],
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
    }
    token = "/login/oauth/access_token"
    assert server.http.post(token, data=grant).json()["error"] == "authorization_pending"
    server.local("POST", "device", {"user_code": begun["user_code"], "login": "maker"})
    first = server.http.post(token, data=grant).json()
    github = Github(auth=Auth.Token(first["access_token"]), base_url=server.url, retry=None)
    assert github.get_user().login == "maker"
    again = {
        **client,
        "client_secret": server.app.client_secret,
        "grant_type": "refresh_token",
        "refresh_token": first["refresh_token"],
    }
    second = server.http.post(token, data=again).json()
    assert second["access_token"] != first["access_token"]
    assert server.http.post(token, data=again).json()["error"] == "bad_refresh_token"


def of_the_app(server: LocalGitHub, login: str) -> Github:
    """With a token that the user gave the App by the device flow."""
    client = {"client_id": server.app.client_id}
    begun = server.http.post("/login/device/code", data=client).json()
    server.local("POST", "device", {"user_code": begun["user_code"], "login": login})
    kind = "urn:ietf:params:oauth:grant-type:device_code"
    grant = {**client, "device_code": begun["device_code"], "grant_type": kind}
    token = server.http.post("/login/oauth/access_token", data=grant).json()["access_token"]
    return Github(auth=Auth.Token(token), base_url=server.url, retry=None)


def test_a_user_who_came_by_the_app_may_no_more_than_both_may(server: LocalGitHub) -> None:
    server.repository("maker/hidden", FILES, private=True)
    maker = of_the_app(server, "maker")
    public = maker.get_repo("maker/spell")
    for refused, status in (
        (lambda: public.create_file("new", "New", "x"), 403),
        (lambda: maker.get_user().create_repo("another"), 403),
        (lambda: maker.get_repo("maker/hidden"), 404),
    ):
        with pytest.raises(GithubException) as caught:
            refused()
        assert caught.value.status == status
    server.install("maker", permissions={"administration": "write", "contents": "write"})
    public.create_file("new", "New", "x")
    assert maker.get_user().create_repo("another").name == "another"
    assert maker.get_repo("maker/hidden").private


def test_a_dispatched_run_of_the_app_comes_to_its_end(server: LocalGitHub) -> None:
    steps = b"jobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo done\n"
    head = b"name: run\nrun-name: ${{ inputs.cast_id }}\non:\n  workflow_dispatch:\n    inputs:\n"
    server.repository(
        "maker/spell",
        {".github/workflows/run.yml": head + b"      cast_id: {type: string}\n" + steps},
    )
    server.install("maker")
    workflow = as_app(server, actions="write").get_repo("maker/spell").get_workflow("run.yml")
    run: Any = workflow.create_dispatch(
        "main", {"cast_id": "cast_1"}, throw=True, return_run_details=True
    )
    until = time.monotonic() + 60
    while run.status != "completed":
        assert time.monotonic() < until
        time.sleep(0.1)
        run.update()
    assert (run.conclusion, run.display_title) == ("success", "cast_1")
