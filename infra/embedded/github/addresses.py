"""Which addresses are GitHub's REST API, and which are this server's own."""

import re

# First words of the API's paths. On GitHub the API has a host of its own; here logins may not be
# called so, nor like the pages of this server.
_API = {
    *("app", "applications", "installation", "meta", "orgs", "rate_limit", "repos"),
    *("repositories", "user", "users"),
}
_PAGES = {"_local", "apps", "avatars", "deliveries", "health", "login", "settings", "twirp"}
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,37}[A-Za-z0-9])?(?:\[bot\])?")
_NAME = re.compile(r"(?!\.{1,2}$)(?!.*\.git$)[A-Za-z0-9._-]{1,100}", re.IGNORECASE)


def is_api(path: str) -> bool:
    """Whether GitHub has this address in its REST API."""
    return path.split("/", 2)[1] in _API if path.startswith("/") else False


def is_login(login: str) -> bool:
    """Whether a user or an organisation may be called so."""
    return _LOGIN.fullmatch(login) is not None and login.lower() not in _API | _PAGES


def is_repository_name(name: str) -> bool:
    """Whether a repository may be called so."""
    return _NAME.fullmatch(name) is not None
