"""What answers show of pull requests."""

from infra.embedded.github.actions.documents import Document
from infra.embedded.github.documents import moment, repository_document, user_document
from infra.embedded.github.git import HEADS
from infra.embedded.github.pull_files import changed_files, commits_of
from infra.embedded.github.server import Server

_LINKS = {
    "self": "pulls/{n}",
    "issue": "issues/{n}",
    "comments": "issues/{n}/comments",
    "review_comments": "pulls/{n}/comments",
    "review_comment": "pulls/comments{{/number}}",
    "commits": "pulls/{n}/commits",
}
_NONE = (
    *("assignee", "milestone", "merge_commit_sha", "merged_at", "auto_merge"),
    "active_lock_reason",
)


def pull_document(server: Server, repository: Document, pull: Document) -> Document:
    """A `pull-request-simple`."""
    number, full_name = pull["number"], f"{repository['owner']}/{repository['name']}"
    url, page = f"{server.base_url}/repos/{full_name}", f"{server.base_url}/{full_name}"
    user = server.state.owner(pull["login"]) or {"login": pull["login"], "id": 0, "type": "Bot"}
    links = {name: f"{url}/{path.format(n=number)}" for name, path in _LINKS.items()}
    links |= {"html": f"{page}/pull/{number}", "statuses": f"{url}/statuses/{pull['head']}"}
    head, base = _side(server, repository, pull["head"]), _side(server, repository, pull["base"])
    return {
        "id": pull["id"],
        "node_id": f"PR_{pull['id']}",
        "number": number,
        "url": links["self"],
        "html_url": links["html"],
        "diff_url": f"{page}/pull/{number}.diff",
        "patch_url": f"{page}/pull/{number}.patch",
        "issue_url": links["issue"],
        **{f"{name}_url": links[name] for name in ("comments", "commits", "statuses")},
        **{f"{name}_url": links[name] for name in ("review_comments", "review_comment")},
        "_links": {name: {"href": href} for name, href in links.items()},
        "state": pull.get("state", "open"),
        "locked": False,
        "title": pull["title"],
        "body": pull["body"],
        "user": user_document(server.base_url, user),
        "author_association": "OWNER" if pull["login"] == repository["owner"] else "CONTRIBUTOR",
        "labels": [],
        **dict.fromkeys(_NONE),
        "head": head,
        "base": base,
        "created_at": moment(pull["created_at"]),
        "updated_at": moment(pull["created_at"]),
        "closed_at": None,
        "draft": False,
    }


def whole_pull_document(server: Server, repository: Document, pull: Document) -> Document:
    """A `pull-request`: with what it changes."""
    git = server.state.git
    files = changed_files(git, repository["id"], pull, "", "")
    return {
        **pull_document(server, repository, pull),
        "additions": sum(one["additions"] for one in files),
        "deletions": sum(one["deletions"] for one in files),
        "changed_files": len(files),
        "commits": len(commits_of(git, repository["id"], pull)),
        "comments": 0,
        "review_comments": 0,
        "merged": False,
        "merged_by": None,
        "mergeable": None,
        "mergeable_state": "unknown",
        "rebaseable": None,
        "maintainer_can_modify": False,
    }


def _side(server: Server, repository: Document, branch: str) -> Document:
    owner = server.state.owner(repository["owner"])
    assert owner is not None, "repositories have owners"
    sha = server.state.git.refs(repository["id"]).get(HEADS + branch, "")
    return {
        "label": f"{repository['owner']}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": user_document(server.base_url, owner),
        "repo": repository_document(server.base_url, owner, repository, push=None),
    }
