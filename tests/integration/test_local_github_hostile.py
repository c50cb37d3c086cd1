"""What a stranger may send to the local GitHub: it is refused, bounded, or settled in one order."""

import base64
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.embedded.github.actions.yaml_reading import read_yaml
from infra.embedded.github.git import Git
from tests.support.local_github import LocalGitHub, local_github

QUICK = (
    b"on: workflow_dispatch\n"
    b"jobs:\n  one:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n"
)
REPOSITORY = "/repos/maker/spell"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalGitHub]:
    with local_github(tmp_path) as started:
        started.repository("maker/spell", {".github/workflows/w.yml": QUICK, "folder/file": b"1"})
        token = started.user_token("maker")
        started.http.headers["authorization"] = f"Bearer {token}"
        yield started


def put(server: LocalGitHub, path: str, **said: Any) -> httpx.Response:
    body = {"message": "m", "content": base64.b64encode(b"new").decode(), **said}
    return server.http.put(f"{REPOSITORY}/contents/{path}", json=body)


def head(server: LocalGitHub) -> str:
    branch = server.http.get(f"{REPOSITORY}/branches/main").json()
    return str(branch["commit"]["sha"])


@pytest.mark.parametrize(
    "path",
    [
        *("%2e%2e/x", "a/%2e%2e/x", "/etc/passwd", "a//b", ".git/config", "a/.GIT/x", "a%00b"),
        *("a%07b", "folder", "folder/file/below", "d/" * 70 + "x", "n" * 256),
    ],
)
def test_what_is_no_path_of_a_file_is_not_written(server: LocalGitHub, path: str) -> None:
    before = head(server)
    assert put(server, path).status_code == 422
    assert head(server) == before


@pytest.mark.parametrize(
    "path", ["../x", "/x", "a/../x", ".git/hooks/post-checkout", "a/.git/x", "", "a\x00"]
)
def test_what_is_no_path_of_a_file_is_in_no_tree(server: LocalGitHub, path: str) -> None:
    entry = {"path": path, "mode": "100644", "type": "blob", "content": ""}
    answer = server.http.post(f"{REPOSITORY}/git/trees", json={"tree": [entry]})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "ref",
    [
        *("refs/heads/../../../../tmp/x", "refs/heads/a..b", "refs/heads/", "refs/x/y", "main"),
        *("refs/heads/-x", "refs/heads/a b", "refs/heads/a.lock", "refs/heads//x", "refs/heads/x/"),
        *("refs/heads/.x", "refs/heads/a\nb", "refs/heads/a@{1}", "refs/heads/" + "x" * 256),
    ],
)
def test_what_is_no_name_of_a_branch_makes_none(server: LocalGitHub, ref: str) -> None:
    body = {"ref": ref, "sha": head(server)}
    assert server.http.post(f"{REPOSITORY}/git/refs", json=body).status_code == 422


def test_a_write_to_a_branch_that_is_not_there_makes_none(server: LocalGitHub) -> None:
    assert put(server, "x", branch="none").status_code == 404
    assert put(server, "x", content="no base64!").status_code == 422
    assert put(server, "x", sha="0" * 40).status_code == 409


def test_of_writes_of_one_file_at_once_one_wins(server: LocalGitHub) -> None:
    sha = put(server, "counted").json()["content"]["sha"]

    def write(number: int) -> int:
        content = base64.b64encode(str(number).encode()).decode()
        return put(server, "counted", sha=sha, content=content).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(write, range(8)))
    assert sorted(statuses) == [200] + [409] * 7
    commits = server.http.get(f"{REPOSITORY}/commits").json()
    assert len(commits) == 3


def test_of_writes_of_several_files_at_once_none_is_lost(server: LocalGitHub) -> None:
    def write(number: int) -> str:
        while (answer := put(server, f"many/{number}")).status_code == 409:
            assert "expected" in answer.json()["message"]
        answer.raise_for_status()
        return f"many/{number}"

    with ThreadPoolExecutor(4) as threads:
        written = set(threads.map(write, range(12)))
    tree = server.http.get(f"{REPOSITORY}/git/trees/main?recursive=1").json()["tree"]
    assert written <= {entry["path"] for entry in tree}


def test_a_branch_moves_only_from_where_it_is_said_to_be(tmp_path: Path) -> None:
    git = Git(tmp_path / "git.sqlite")
    assert git.move(1, "refs/heads/main", None, "a")
    assert not git.move(1, "refs/heads/main", None, "b")
    assert not git.move(1, "refs/heads/main", "b", "c")
    assert git.move(1, "refs/heads/main", "a", "b")
    git.close()


def test_objects_have_the_ids_that_git_gives_them(server: LocalGitHub, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    (clone / "folder").mkdir(parents=True)
    (clone / "folder" / "file").write_bytes(b"1")
    (clone / ".github" / "workflows").mkdir(parents=True)
    (clone / ".github" / "workflows" / "w.yml").write_bytes(QUICK)
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=clone, check=True)
    written = subprocess.check_output(["git", "write-tree"], cwd=clone, text=True).strip()
    assert server.http.get(f"{REPOSITORY}/git/commits/{head(server)}").json()["tree"]["sha"] == (
        written
    )


def _bomb() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    return "\n".join(lines).encode()


HOSTILE_YAML: Mapping[str, bytes] = {
    "aliases": _bomb(),
    "alias of itself": b"a: &a [*a]\n",
    "depth": b"[" * 200_000,
    "width": b"[" + b"x," * 200_000 + b"]",
    "a python object": b"a: !!python/object/apply:os.system ['true']\n",
    "no text": b"\xff\xfe\x00\x00",
}


@pytest.mark.parametrize("source", HOSTILE_YAML.values(), ids=HOSTILE_YAML)
def test_yaml_that_holds_more_than_it_says_is_not_read(source: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_yaml(source)


def test_aliases_that_people_write_are_read() -> None:
    read = read_yaml(b"steps: &s [{run: a}]\njobs: {one: {steps: *s}, two: {steps: *s}}\n")
    assert read["jobs"]["one"] == read["jobs"]["two"] == {"steps": [{"run": "a"}]}


@pytest.mark.parametrize(
    "more",
    [
        b"name: &a [x]\nrun-name: *a\non: {workflow_dispatch: [1]}\n",
        b"on: {workflow_dispatch: {inputs: {x: 1}}}\n",
        b"on: {workflow_dispatch: {inputs: []}, repository_dispatch: 7}\n",
        b"on: workflow_dispatch\njobs: {one: [1]}\n",
        b"on: workflow_dispatch\njobs: {one: {strategy: {matrix: {a: [%s]}}}}\n" % (b"1," * 257),
        b"on: workflow_dispatch\n" + b"#" * 512 * 1024,
        *HOSTILE_YAML.values(),
    ],
)
def test_a_file_that_is_no_workflow_disturbs_no_other(server: LocalGitHub, more: bytes) -> None:
    job = b"jobs: {one: {runs-on: ubuntu-latest, steps: []}}\n"
    source = more if b"jobs" in more else more + job
    server.repository(
        "maker/spell", {".github/workflows/w.yml": QUICK, ".github/workflows/bad.yml": source}
    )
    listed = server.http.get(f"{REPOSITORY}/actions/workflows").raise_for_status().json()
    assert [one["path"] for one in listed["workflows"]] == [".github/workflows/w.yml"]
    body = {"event_type": "cast"}
    assert server.http.post(f"{REPOSITORY}/dispatches", json=body).status_code == 204


def test_a_killed_server_has_lost_no_commit_that_it_acknowledged(tmp_path: Path) -> None:
    """One process writes without end and is killed; another finds all that was said to be kept."""
    program = (
        "import sys; from pathlib import Path; from infra.embedded.github.git import Git\n"
        "git, before = Git(Path(sys.argv[1])), None\n"
        "while True:\n"
        "    files = {'n': str(before).encode()}\n"
        "    sha = git.commit(1, files, message='m', author='a', parents=[])\n"
        "    assert git.move(1, 'refs/heads/main', before, sha)\n"
        "    before = sha\n"
        "    print(sha, flush=True)\n"
    )
    path = tmp_path / "git.sqlite"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline().strip() for _ in range(20)]
        writer.kill()
        said += writer.stdout.read().split("\n")
    acknowledged = [sha for sha in said if len(sha) == 40]
    git = Git(path)
    newest = git.find(1, "main")
    assert newest is not None
    assert git.files(1, newest)["n"]
    assert all(git.find(1, sha) for sha in acknowledged)
    git.close()
