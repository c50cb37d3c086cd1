"""What answers show of people, repositories and installations."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from infra.embedded.github.actions.clock import stamp
from infra.embedded.github.actions.documents import Document
from infra.embedded.github.state import APP_PERMISSIONS, App

_USER_PAGES = (
    *("followers", "following", "gists", "starred", "subscriptions", "organizations"),
    *("repos", "events", "received_events"),
)
_REPOSITORY_PAGES = (
    *("archive", "assignees", "blobs", "branches", "collaborators", "comments", "commits"),
    *("compare", "contents", "contributors", "deployments", "downloads", "events", "forks"),
    *("git_commits", "git_refs", "git_tags", "hooks", "issue_comment", "issue_events", "issues"),
    *("keys", "labels", "languages", "merges", "milestones", "notifications", "pulls"),
    *("releases", "stargazers", "statuses", "subscribers", "subscription", "tags", "teams"),
    "trees",
)
# What a repository here never has, but every answer of GitHub tells of.
_NOTHING_OF: Document = {
    **dict.fromkeys(("homepage", "language", "license", "mirror_url")),
    **dict.fromkeys(("forks", "forks_count", "network_count", "open_issues"), 0),
    **dict.fromkeys(("open_issues_count", "size", "stargazers_count", "subscribers_count"), 0),
    **dict.fromkeys(("watchers", "watchers_count"), 0),
    **dict.fromkeys(("has_discussions", "has_issues", "has_pages", "has_projects"), False),
    "has_wiki": False,
    "has_downloads": False,
    "topics": [],
}


def moment(seconds: float) -> str:
    """A time as GitHub writes it."""
    return stamp(datetime.fromtimestamp(seconds, UTC))


def user_document(base_url: str, owner: Mapping[str, Any]) -> Document:
    """A `simple-user`."""
    login, url = owner["login"], f"{base_url}/users/{owner['login']}"
    return {
        "login": login,
        "id": owner["id"],
        "node_id": f"U_{owner['id']}",
        "avatar_url": f"{base_url}/avatars/{login}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{base_url}/{login}",
        **{f"{page}_url": f"{url}/{page}" for page in _USER_PAGES},
        "type": owner["type"],
        "site_admin": False,
    }


def person_document(base_url: str, owner: Mapping[str, Any]) -> Document:
    """A `public-user`: what is known of a person, or of oneself."""
    about = ("bio", "blog", "company", "email", "hireable", "location", "twitter_username")
    counts = ("followers", "following", "public_gists", "public_repos")
    return {
        **user_document(base_url, owner),
        "name": owner["login"],
        **dict.fromkeys(about),
        **dict.fromkeys(counts, 0),
        "created_at": moment(0),
        "updated_at": moment(0),
    }


def repository_document(
    base_url: str, owner: Mapping[str, Any], repository: Document, *, push: bool | None
) -> Document:
    """A `full-repository`, as far as clients look. `push` None leaves permissions out."""
    full_name = f"{repository['owner']}/{repository['name']}"
    url = f"{base_url}/repos/{full_name}"
    document: Document = {
        "id": repository["id"],
        "node_id": f"R_{repository['id']}",
        "name": repository["name"],
        "full_name": full_name,
        "owner": user_document(base_url, owner),
        "private": repository["private"],
        "visibility": "private" if repository["private"] else "public",
        "description": repository["description"],
        "fork": False,
        "url": url,
        "html_url": f"{base_url}/{full_name}",
        "clone_url": f"{base_url}/{full_name}.git",
        **{f"{page}_url": f"{url}/{page}" for page in _REPOSITORY_PAGES},
        "git_url": f"{base_url}/{full_name}.git",
        "ssh_url": f"{base_url}/{full_name}.git",
        "svn_url": f"{base_url}/{full_name}",
        **_NOTHING_OF,
        "default_branch": repository["default_branch"],
        "is_template": repository["is_template"],
        "archived": False,
        "disabled": False,
        "created_at": moment(repository["created_at"]),
        "updated_at": moment(repository["created_at"]),
        "pushed_at": moment(repository["created_at"]),
    }
    if push is not None:
        document["permissions"] = {
            "admin": push,
            "maintain": push,
            "push": push,
            "triage": push,
            "pull": True,
        }
    return document


def app_document(base_url: str, app: App, installations: int) -> Document:
    """An `integration`."""
    return {
        "id": app.app_id,
        "slug": app.slug,
        "node_id": f"A_{app.app_id}",
        "client_id": app.client_id,
        "owner": user_document(base_url, {"login": "spell-platform", "id": 1, "type": "User"}),
        "name": app.slug,
        "description": None,
        "external_url": base_url,
        "html_url": f"{base_url}/apps/{app.slug}",
        "created_at": moment(0),
        "updated_at": moment(0),
        "permissions": {**APP_PERMISSIONS, "metadata": "read"},
        "events": ["workflow_run", "workflow_job"],
        "installations_count": installations,
    }


def installation_document(
    base_url: str, app: App, owner: Mapping[str, Any], installation: Document
) -> Document:
    """An `installation`."""
    url = f"{base_url}/app/installations/{installation['id']}"
    some = installation["repositories"] is not None
    return {
        "id": installation["id"],
        "account": user_document(base_url, owner),
        "repository_selection": "selected" if some else "all",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{base_url}/installation/repositories",
        "html_url": f"{base_url}/settings/installations/{installation['id']}",
        "app_id": app.app_id,
        "app_slug": app.slug,
        "target_id": owner["id"],
        "target_type": owner["type"],
        "permissions": {"metadata": "read", **installation["permissions"]},
        "events": ["workflow_run", "workflow_job"],
        "created_at": moment(installation["created_at"]),
        "updated_at": moment(installation["created_at"]),
        "single_file_name": None,
        "suspended_by": None,
        "suspended_at": moment(installation["created_at"]) if installation["suspended"] else None,
    }
