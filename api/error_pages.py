"""The error catalogue as a page, for those who follow a problem document's `type`."""

from functools import cache
from html import escape

from api.problems import anchor_of
from schema.errors import catalogue


@cache
def errors_page() -> str:
    """One section per code: status, meaning, remedy, whether a repetition helps."""
    sections = "".join(
        f'<h2 id="{anchor_of(code)}">{code}</h2><p>HTTP {kind.status}. {escape(kind.title)}</p>'
        f"<p>What to do: {escape(kind.remedy)}</p>"
        f"<p>{'A repetition may help.' if kind.retryable else 'A repetition does not help.'}</p>"
        for code, kind in catalogue().items()
    )
    return f"<!doctype html><title>Spell Platform: errors</title><h1>Errors</h1>{sections}"
