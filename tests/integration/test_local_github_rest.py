"""The REST half of the local GitHub: unmodified PyGithub, and answers as GitHub describes them."""

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from github import Auth, Github, GithubException, GithubIntegration, InputGitTreeElement
from github.Repository import Repository

from tests.support.github_description import Description
from tests.support.hook_receiver import HookReceiver
from tests.support.local_github import APP_ID, LocalGitHub, local_github

FILES = {"README.md": b"hello\n", "src/deep/one.txt": b"1\n", "src/two.bin": b"\xff\x00"}
_REPO = "/repos/{owner}/{repo}"
_GIT = _REPO + "/git"
# Each of these was asked for by PyGithub, answered, and found to be as described.
_EXPECTED = {
    ("get", "/app", 200),
    ("get", "/app/installations", 200),
    ("get", "/app/installations/{installation_id}", 200),
    ("post", "/app/installations/{installation_id}/access_tokens", 201),
    ("get", "/installation/repositories", 200),
    ("get", "/rate_limit", 200),
    ("get", "/user", 200),
    ("get", "/user/installations", 200),
    ("get", "/users/{username}", 200),
    ("get", "/users/{username}", 404),
    ("post", "/user/repos", 201),
    ("post", "/user/repos", 422),
    ("get", _REPO, 200),
    ("get", _REPO, 404),
    ("get", _REPO + "/installation", 200),
    ("get", _REPO + "/collaborators/{username}", 204),
    ("get", _REPO + "/collaborators/{username}", 404),
    ("get", _REPO + "/collaborators/{username}/permission", 200),
    ("get", _REPO + "/branches", 200),
    ("get", _REPO + "/branches/{branch}", 200),
    ("get", _REPO + "/commits", 200),
    ("get", _REPO + "/commits/{ref}", 200),
    ("get", _REPO + "/contents/{path}", 200),
    ("get", _REPO + "/contents/{path}", 404),
    ("put", _REPO + "/contents/{path}", 200),
    ("put", _REPO + "/contents/{path}", 201),
    ("put", _REPO + "/contents/{path}", 409),
    ("put", _REPO + "/contents/{path}", 422),
    ("delete", _REPO + "/contents/{path}", 200),
    ("delete", _REPO + "/contents/{path}", 409),
    ("post", _GIT + "/blobs", 201),
    ("get", _GIT + "/blobs/{file_sha}", 200),
    ("post", _GIT + "/trees", 201),
    ("post", _GIT + "/trees", 422),
    ("get", _GIT + "/trees/{tree_sha}", 200),
    ("post", _GIT + "/commits", 201),
    ("get", _GIT + "/commits/{commit_sha}", 200),
    ("post", _GIT + "/refs", 201),
    ("post", _GIT + "/refs", 422),
    ("get", _GIT + "/ref/{ref}", 200),
    ("get", _GIT + "/ref/{ref}", 409),
    ("get", _GIT + "/matching-refs/{ref}", 200),
    ("patch", _GIT + "/refs/{ref}", 200),
    ("patch", _GIT + "/refs/{ref}", 422),
    ("delete", _GIT + "/refs/{ref}", 204),
    ("post", "/repos/{template_owner}/{template_repo}/generate", 201),
    ("post", _REPO + "/pulls", 201),
    ("post", _REPO + "/pulls", 422),
    ("get", _REPO + "/pulls", 200),
    ("get", _REPO + "/pulls/{pull_number}", 200),
    ("patch", _REPO + "/pulls/{pull_number}", 200),
    ("get", _REPO + "/pulls/{pull_number}/files", 200),
}


@pytest.fixture(scope="module")
def description() -> Description:
    return Description.fetched()


@pytest.fixture
def server(tmp_path: Path, description: Description) -> Iterator[LocalGitHub]:
    with local_github(tmp_path, around=description.around) as started:
        started.repository("maker/spell", FILES)
        started.owner("buyer")
        yield started


def as_user(server: LocalGitHub, login: str, page: int = 30) -> Github:
    auth = Auth.Token(server.user_token(login))
    return Github(
        auth=auth,
        base_url=server.url,
        retry=None,
        per_page=page,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


def refused(status: int) -> "pytest.RaisesExc[GithubException]":
    return pytest.raises(GithubException, check=lambda error: error.status == status)


def test_every_answer_of_the_rest_half_is_as_github_describes_it(
    server: LocalGitHub, description: Description
) -> None:
    _app(server)
    maker = as_user(server, "maker")
    repository = maker.get_repo("maker/spell")
    _people(server, maker, repository)
    _contents(repository)
    _git_data(repository)
    _refs(repository)
    _pulls(repository)
    _purchase(server)
    assert description.problems == []
    assert _EXPECTED - description.checked == set()


def _app(server: LocalGitHub) -> None:
    server.install("maker")
    integration = GithubIntegration(
        auth=Auth.AppAuth(APP_ID, server.key), base_url=server.url, retry=None
    )
    assert integration.get_app().id == APP_ID
    (installation,) = integration.get_installations()
    assert integration.get_repo_installation("maker", "spell").id == installation.id
    assert integration.get_app_installation(installation.id).account.login == "maker"
    assert [one.name for one in installation.get_repos()] == ["spell"]


def _people(server: LocalGitHub, maker: Github, repository: Repository) -> None:
    assert maker.get_user().login == "maker"
    assert maker.get_user("buyer").type == "User"
    assert maker.get_user().get_installations().totalCount == 1
    assert repository.get_collaborator_permission("maker") == "admin"
    assert repository.get_collaborator_permission("buyer") == "read"
    server.owner("helper")
    server.repository("maker/shared", FILES, collaborators=["helper"])
    shared = as_user(server, "helper").get_repo("maker/shared")
    assert shared.get_collaborator_permission("helper") == "write"
    assert repository.has_in_collaborators("maker")
    assert not repository.has_in_collaborators("buyer")
    left = maker.get_rate_limit().rate
    assert left.limit - left.remaining == left.used > 0
    empty = maker.get_user().create_repo("empty")
    with refused(409):
        empty.get_git_ref("heads/main")
    with refused(422):
        maker.get_user().create_repo("empty")
    with refused(404):
        maker.get_user("nobody-here")
    with refused(404):
        as_user(server, "buyer").get_repo("maker/none")


def _contents(repository: Repository) -> None:
    listed = repository.get_contents("")
    assert isinstance(listed, list)
    assert {one.path: one.type for one in listed} == {"README.md": "file", "src": "dir"}
    two = repository.get_contents("src/two.bin")
    assert not isinstance(two, list)
    assert two.decoded_content == FILES["src/two.bin"]
    made = repository.create_file("docs/new.md", "New", "one")["content"]
    changed = repository.update_file("docs/new.md", "Change", "two", made.sha)["content"]
    with refused(409):
        repository.update_file("docs/new.md", "Late", "three", made.sha)
    with refused(422):
        repository.create_file("docs/new.md", "Again", "three")
    with refused(409):
        repository.delete_file("docs/new.md", "Late", made.sha)
    repository.delete_file("docs/new.md", "Remove", changed.sha)
    with refused(404):
        repository.get_contents("docs/new.md")
    messages = [one.commit.message for one in repository.get_commits()]
    assert messages == ["Remove", "Change", "New", "Initial commit"]


def _git_data(repository: Repository) -> None:
    head = repository.get_branch("main").commit
    assert repository.get_commit(head.sha).sha == head.sha
    blob = repository.create_git_blob("aGk=", "base64")
    assert repository.get_git_blob(blob.sha).size == 2
    base = repository.get_git_tree("main", recursive=True)
    assert "src/deep/one.txt" in {one.path for one in base.tree}
    elements = [
        InputGitTreeElement("src/hi", "100755", "blob", sha=blob.sha),
        InputGitTreeElement("src/text", "100644", "blob", content="text"),
        InputGitTreeElement("src/deep", "040000", "tree", sha=None),
    ]
    tree = repository.create_git_tree(elements, base)
    parent = repository.get_git_commit(head.sha)
    commit = repository.create_git_commit("By hand", tree, [parent])
    ref = repository.create_git_ref("refs/heads/by-hand", commit.sha)
    assert {one.path for one in repository.get_git_tree(ref.object.sha, recursive=True).tree} == {
        *("README.md", "src", "src/hi", "src/text", "src/two.bin")
    }
    with refused(422):
        repository.create_git_tree([InputGitTreeElement("../x", "100644", "blob", content="")])


def _refs(repository: Repository) -> None:
    ref = repository.get_git_ref("heads/by-hand")
    first = list(repository.get_commits("by-hand"))[-1].sha
    with refused(422):
        ref.edit(first)
    ref.edit(first, force=True)
    assert [one.ref for one in repository.get_git_matching_refs("heads/by")] == [ref.ref]
    assert {one.name for one in repository.get_branches()} == {"main", "by-hand"}
    with refused(422):
        repository.create_git_ref("refs/heads/by-hand", first)
    ref.delete()


def _pulls(repository: Repository) -> None:
    head = repository.get_branch("main").commit.sha
    repository.create_git_ref("refs/heads/set-up", head)
    with refused(422):
        repository.create_pull(base="main", head="set-up", title="Nothing")
    repository.create_file("SPELL.md", "Set up", "what to do\n", branch="set-up")
    pull = repository.create_pull(base="main", head="set-up", title="Set up", body="Merge me.")
    (file,) = repository.get_pull(pull.number).get_files()
    assert (file.filename, file.status, file.additions) == ("SPELL.md", "added", 1)
    assert (pull.commits, pull.changed_files) == (1, 1)
    assert [one.number for one in repository.get_pulls(head="maker:set-up")] == [1]
    pull.edit(state="closed")
    assert repository.get_pulls().totalCount == 0
    assert repository.get_pulls(state="all").totalCount == 1


def _purchase(server: LocalGitHub) -> None:
    server.repository("maker/template", FILES, is_template=True, private=True)
    buyer = as_user(server, "buyer")
    with refused(404):
        buyer.get_repo("maker/template")
    server.repository("maker/open-template", FILES, is_template=True)
    template = buyer.get_repo("maker/open-template")
    copy = buyer.get_user().create_repo_from_template("copy", template, private=True)
    assert copy.raw_data["template_repository"]["full_name"] == "maker/open-template"
    assert copy.get_git_ref("heads/main").object.type == "commit"


def test_lists_have_pages_that_lead_to_each_other(server: LocalGitHub) -> None:
    maker = as_user(server, "maker", page=2)
    repository = maker.get_repo("maker/spell")
    head = repository.get_branch("main").commit.sha
    for number in range(4):
        repository.create_git_ref(f"refs/heads/b{number}", head)
    names = ["b0", "b1", "b2", "b3", "main"]
    assert [one.name for one in repository.get_branches()] == names
    answer = server.http.get("/repos/maker/spell/branches?per_page=2&page=2")
    relations = {part.partition("rel=")[2] for part in answer.headers["link"].split(", ")}
    assert relations == {'"prev"', '"next"', '"last"', '"first"'}
    generous = server.http.get("/repos/maker/spell/branches?per_page=1000&page=0")
    assert len(generous.json()) == len(names)
    assert "link" not in generous.headers


def test_what_has_not_changed_is_not_sent_again_and_costs_nothing(server: LocalGitHub) -> None:
    first = server.http.get("/repos/maker/spell")
    again = server.http.get("/repos/maker/spell", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    used = [int(each.headers["x-ratelimit-used"]) for each in (first, again)]
    assert used == [1, 1]
    server.repository("maker/spell", {"README.md": b"other\n"})
    blob = server.http.get("/repos/maker/spell/contents/README.md")
    assert blob.status_code == 200
    assert int(blob.headers["x-ratelimit-used"]) == 2


def test_who_has_used_up_the_hour_is_told_until_when(server: LocalGitHub) -> None:
    server.local("PUT", "rate-limit", {"limit": 2})
    answers = [server.http.get("/users/maker") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[2].headers["x-ratelimit-remaining"] == "0"
    assert int(answers[2].headers["x-ratelimit-reset"]) > 0
    assert server.http.get("/rate_limit").json()["rate"]["remaining"] == 0
    assert as_user(server, "maker").get_user().login == "maker"


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"user-agent": ""}, 403, "User-Agent"),
        ({"x-github-api-version": "2020-01-01"}, 400, "supported API version"),
        ({"authorization": "Bearer ghu_no"}, 401, "Bad credentials"),
    ],
)
def test_what_every_request_needs_is_asked_for(
    server: LocalGitHub, headers: dict[str, str], status: int, message: str
) -> None:
    answer = server.http.get("/repos/maker/spell", headers=headers)
    body = answer.json()
    assert (answer.status_code, message in body["message"]) == (status, True), body
    assert body["status"] == str(status)
    assert body["documentation_url"].startswith("https://docs.github.com/")


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"{", 400), (b"[1]", 400), (b'{"name": "\\ud800"}', 400), (b"[" * 100_000, 400)],
)
def test_a_body_that_is_no_object_is_refused(
    server: LocalGitHub, content: bytes, status: int
) -> None:
    headers = {"authorization": f"Bearer {server.user_token('maker')}"}
    answer = server.http.post("/user/repos", content=content, headers=headers)
    assert answer.status_code == status, answer.text


def test_a_body_that_is_too_large_is_refused_said_or_not(server: LocalGitHub) -> None:
    headers = {"authorization": f"Bearer {server.user_token('maker')}"}
    large = b" " * (1024 * 1024 + 1)
    said = server.http.post("/user/repos", content=large, headers=headers)
    unsaid = server.http.post("/user/repos", content=iter([large]), headers=headers)
    assert (said.status_code, unsaid.status_code) == (413, 413)
    assert isinstance(said, httpx.Response)


def test_every_webhook_is_as_github_describes_it(tmp_path: Path, description: Description) -> None:
    receiver = HookReceiver("hook-secret")
    job = b"jobs:\n  one:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n"
    files = {".github/workflows/w.yml": b"on: workflow_dispatch\n" + job}
    with local_github(tmp_path, receiver.url) as server:
        server.repository("maker/spell", files)
        server.install("maker")
        workflow = as_user(server, "maker").get_repo("maker/spell").get_workflow("w.yml")
        assert workflow.create_dispatch("main", throw=True)
        until = time.monotonic() + 30
        while "completed" not in receiver.actions("workflow_run"):
            assert time.monotonic() < until
            time.sleep(0.02)
    receiver.close()
    for _, event, payload in receiver.heard:
        description.check_event(event, payload)
    assert len(receiver.heard) == 6
    with pytest.raises(AssertionError, match="webhook-workflow-run-completed"):
        description.check_event("workflow_run", {"action": "completed"})
