"""What answers show of files, trees, commits, branches and refs."""

import base64
from collections.abc import Mapping

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.documents import moment
from infra.embedded.github.git_objects import TREE, Commit, Entry, Person, blob_sha


def content_document(where: str, page: str, path: str, entry: Entry, size: int) -> Document:
    """A file or a folder, without what is in it. `where` and `page`: the repository's addresses."""
    url, git = f"{where}/contents/{path}", f"{where}/git/{entry.kind}s/{entry.sha}"
    html = f"{page}/{entry.kind}/main/{path}"
    is_folder = entry.kind == TREE
    return {
        "type": "dir" if is_folder else "file",
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": entry.sha,
        "size": 0 if is_folder else size,
        "url": url,
        "html_url": html,
        "git_url": git,
        "download_url": None if is_folder else url,
        "_links": {"self": url, "git": git, "html": html},
    }


def with_content(document: Document, content: bytes) -> Document:
    """A file with what is in it."""
    text = base64.encodebytes(content).decode("ascii")
    return {**document, "encoding": "base64", "content": text}


def blob_document(where: str, content: bytes) -> Document:
    """A `blob`."""
    sha = blob_sha(content)
    document: Document = {
        "sha": sha,
        "node_id": f"B_{sha[:8]}",
        "size": len(content),
        "url": f"{where}/git/blobs/{sha}",
    }
    return with_content(document, content)


def tree_document(where: str, sha: str, entries: Mapping[str, tuple[Entry, int]]) -> Document:
    """A `git-tree` of these paths, with the sizes of its files."""
    items = []
    for path, (entry, size) in entries.items():
        url = f"{where}/git/{entry.kind}s/{entry.sha}"
        item = {"path": path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha, "url": url}
        items.append(item if entry.kind == TREE else {**item, "size": size})
    return {"sha": sha, "url": f"{where}/git/trees/{sha}", "tree": items, "truncated": False}


def git_commit_document(where: str, page: str, commit: Commit) -> Document:
    """A `git-commit`."""
    return {
        "sha": commit.sha,
        "node_id": f"C_{commit.sha[:8]}",
        "url": f"{where}/git/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        **_said(where, commit),
        "parents": [
            {
                "sha": parent,
                "url": f"{where}/git/commits/{parent}",
                "html_url": f"{page}/commit/{parent}",
            }
            for parent in commit.parents
        ],
    }


def commit_document(where: str, page: str, commit: Commit) -> Document:
    """A `commit`: as the list of commits and a branch show it."""
    url = f"{where}/commits/{commit.sha}"
    said = _said(where, commit)
    git_url = f"{where}/git/commits/{commit.sha}"
    return {
        "sha": commit.sha,
        "node_id": f"C_{commit.sha[:8]}",
        "url": url,
        "html_url": f"{page}/commit/{commit.sha}",
        "comments_url": f"{url}/comments",
        "commit": {**said, "url": git_url, "comment_count": 0},
        "author": None,
        "committer": None,
        "parents": [
            {
                "sha": parent,
                "url": f"{where}/commits/{parent}",
                "html_url": f"{page}/commit/{parent}",
            }
            for parent in commit.parents
        ],
    }


def ref_document(where: str, ref: str, sha: str) -> Document:
    """A `git-ref`."""
    target = {"type": "commit", "sha": sha, "url": f"{where}/git/commits/{sha}"}
    return {"ref": ref, "node_id": f"REF_{ref}", "url": f"{where}/git/{ref}", "object": target}


def branch_document(where: str, page: str, name: str, commit: Commit) -> Document:
    """A `branch-with-protection` without any."""
    protection = f"{where}/branches/{name}/protection"
    return {
        "name": name,
        "commit": commit_document(where, page, commit),
        "_links": {"self": f"{where}/branches/{name}", "html": f"{page}/tree/{name}"},
        "protected": False,
        "protection": {"enabled": False},
        "protection_url": protection,
    }


def short_branch_document(where: str, name: str, sha: str) -> Document:
    """A `short-branch`, as lists show it."""
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{where}/commits/{sha}"},
        "protected": False,
    }


def _said(where: str, commit: Commit) -> Document:
    return {
        "message": commit.message,
        "author": _person(commit.author),
        "committer": _person(commit.committer),
        "tree": {"sha": commit.tree, "url": f"{where}/git/trees/{commit.tree}"},
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }


def _person(person: Person) -> Document:
    return {"name": person.name, "email": person.email, "date": moment(person.at)}
