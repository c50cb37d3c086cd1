"""HTML from Python: everything is escaped but what was made here."""

import base64
import hashlib
import html
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import quote

from starlette.responses import HTMLResponse

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1f2328}
body{margin:2rem auto;max-width:70rem;padding:0 1rem}
h1,h2{font-weight:600}h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}a{color:#0969da}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem .3rem 0;
border-bottom:1px solid #d1d9e0;vertical-align:top}th{font-weight:500;color:#59636e}
pre{background:#f6f8fa;padding:1rem;overflow:auto;font-size:13px;max-height:40rem}
.note{color:#59636e}header{border-bottom:1px solid #d1d9e0;padding-bottom:.5rem}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.")
# Invisible, or turning text around: what is shown would not be what is there.
_HIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(said: object) -> Html:
    """Anything, escaped unless it is HTML already; colours and what hides text are taken out."""
    if isinstance(said, Html):
        return said
    if said is None:
        return Html("")
    plain = _HIDDEN.sub("\N{REPLACEMENT CHARACTER}", _ANSI.sub("", str(said)))
    return Html(html.escape(plain))


def link(path: str, said: object) -> Html:
    """A link to a page of this server."""
    return Html(f'<a href="{html.escape(quote(path))}">{text(said)}</a>')


def table(names: Iterable[str], rows: Iterable[Iterable[object]]) -> Html:
    """A table, or a word where it would be empty."""
    head = "".join(f"<th>{text(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(f'<td>{text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return Html(f"<table><tr>{head}</tr>{body}</table>" if body else '<p class="note">None.</p>')


def section(title: str, *parts: object) -> Html:
    """A part of a page."""
    return Html(f"<h2>{text(title)}</h2>{''.join(text(part) for part in parts)}")


def preformatted(said: object) -> Html:
    """Text as it stands."""
    return Html(f"<pre>{text(said)}</pre>")


def note(said: object) -> Html:
    """A remark."""
    return Html(f'<p class="note">{text(said)}</p>')


def form(path: str, button: str, *parts: object) -> Html:
    """A form that is sent to this server."""
    inner = "".join(text(part) for part in parts)
    action = html.escape(quote(path))
    return Html(
        f'<form method="post" action="{action}">{inner} <button>{text(button)}</button></form>'
    )


def when(seconds: float) -> str:
    """A time, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def page(title: str, *parts: object, status: int = 200) -> HTMLResponse:
    """A whole page."""
    body = "".join(text(part) for part in parts)
    home = '<header><a href="/">Local GitHub</a> <span class="note">of this machine; not GitHub'
    document = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{text(title)}</title>'
        f"<style>{_STYLE}</style>{home}</span></header><h1>{text(title)}</h1>{body}</html>"
    )
    return HTMLResponse(document, status, _HEADERS)
