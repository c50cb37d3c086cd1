"""What a pull request changes: the files that differ from where its branches parted."""

import difflib

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.git import HEADS, Git
from infra.embedded.github.git_objects import BLOB, Commit, Entry

# GitHub lists no more than 3000 files of a pull request, and gives no patch of large ones.
_FILES_MAX, _LINES_MAX = 3000, 3000
_COMMITS_MAX = 1000


def changed_files(
    git: Git, repository_id: int, pull: Document, where: str, page: str
) -> list[Document]:
    """The `diff-entry` of each changed file, by path."""
    base, head = sides(git, repository_id, pull)
    if head is None:
        return []
    before = {} if base is None else git.entries(repository_id, base.tree)
    after = git.entries(repository_id, head.tree)
    paths = sorted(path for path in {*before, *after} if before.get(path) != after.get(path))
    found = []
    for path in paths[:_FILES_MAX]:
        old, new = before.get(path), after.get(path)
        entry = new or old
        assert entry is not None, "a path that differs is on one side at least"
        found.append(
            {
                "sha": entry.sha,
                "filename": path,
                "status": "modified" if old and new else ("added" if new else "removed"),
                "blob_url": f"{page}/blob/{head.sha}/{path}",
                "raw_url": f"{page}/raw/{head.sha}/{path}",
                "contents_url": f"{where}/contents/{path}?ref={head.sha}",
                **_patch(_lines(git, repository_id, old), _lines(git, repository_id, new)),
            }
        )
    return found


def sides(git: Git, repository_id: int, pull: Document) -> tuple[Commit | None, Commit | None]:
    """Where the branches parted, and the newest commit of the pull request."""
    base = git.find(repository_id, HEADS + pull["base"])
    head = git.find(repository_id, HEADS + pull["head"])
    if base is None or head is None:
        return base, head
    of_base = {one.sha for one in git.history(repository_id, base, _COMMITS_MAX)}
    shared = [one for one in git.history(repository_id, head, _COMMITS_MAX) if one.sha in of_base]
    return (shared[0] if shared else base), head


def commits_of(git: Git, repository_id: int, pull: Document) -> list[Commit]:
    """The commits that a pull request would bring."""
    parted, head = sides(git, repository_id, pull)
    if head is None:
        return []
    behind = (
        set()
        if parted is None
        else {one.sha for one in git.history(repository_id, parted, _COMMITS_MAX)}
    )
    every = git.history(repository_id, head, _COMMITS_MAX)
    return [one for one in every if one.sha not in behind]


def _lines(git: Git, repository_id: int, entry: Entry | None) -> list[str] | None:
    """The lines of a file; None where it is no text, or too long to compare."""
    if entry is None:
        return []
    try:
        text = (git.get(repository_id, BLOB, entry.sha) or b"").decode()
    except UnicodeDecodeError:
        return None
    lines = text.splitlines(keepends=True)
    return lines if len(lines) <= _LINES_MAX else None


def _patch(before: list[str] | None, after: list[str] | None) -> Document:
    if before is None or after is None:
        return {"additions": 0, "deletions": 0, "changes": 0}
    lines = list(difflib.unified_diff(before, after))[2:]
    added = sum(line.startswith("+") for line in lines)
    removed = sum(line.startswith("-") for line in lines)
    text = "\n".join(line.rstrip("\n") for line in lines)
    return {"additions": added, "deletions": removed, "changes": added + removed, "patch": text}
