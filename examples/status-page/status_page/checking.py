"""Asks a site once: whether it answers, and how fast."""

import time
import urllib.error
import urllib.request
from http.client import HTTPException

SECONDS_MAX = 10
AGENT = "status-page/1.0"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer; where it leads is another site."""

    def redirect_request(self, *_):
        return None


def check(site, now=time.time, clock=time.monotonic):
    """One look at `{"name", "url"}`: when, whether it is up, milliseconds, what was seen."""
    began = clock()
    try:
        up, seen = _ask(site["url"])
    except (OSError, HTTPException, ValueError) as error:
        up, seen = False, type(error).__name__
    return {"at": int(now()), "up": up, "ms": round((clock() - began) * 1000), "seen": seen}


def _ask(url):
    if not url.startswith(("https://", "http://")):
        raise ValueError("only addresses of the web are looked at")
    request = urllib.request.Request(url, method="GET", headers={"User-Agent": AGENT})
    opener = urllib.request.build_opener(NoRedirect)
    try:
        with opener.open(request, timeout=SECONDS_MAX) as answer:
            return True, str(answer.status)
    except urllib.error.HTTPError as error:
        return error.code < 400, str(error.code)
