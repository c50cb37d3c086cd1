"""The log of findings as a JSON Feed 1.1 (jsonfeed.org/version/1.1)."""

from collections.abc import Sequence
from typing import Any

from schema.contracts.supply_chain_log import DeedKind, LogEntryView

FEED_MEDIA_TYPE = "application/feed+json"
_PATH = "/v1/advisories/feed"
_TITLES = {
    DeedKind.FINDING_OPENED: "a vulnerability was found",
    DeedKind.FINDING_CLOSED: "a finding is closed",
    DeedKind.DELISTED: "delisted",
    DeedKind.RELISTED: "listed again",
}


def feed_document(
    base_url: str, entries: Sequence[LogEntryView], more: str | None
) -> dict[str, Any]:
    """One page of the feed.

    Args:
        base_url: of the API, without a slash at its end.
        entries: what happened, newest first.
        more: the cursor of the next page.
    """
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Vulnerabilities in published spells",
        "feed_url": base_url + _PATH,
        "items": [_item(base_url, entry) for entry in entries],
    }
    return {**document, "next_url": f"{base_url}{_PATH}?cursor={more}"} if more else document


def _item(base_url: str, entry: LogEntryView) -> dict[str, Any]:
    spell = f"/v1/spells/{entry.spell_key}/versions/{entry.version}"
    return {
        "id": f"{base_url}{_PATH}#{entry.id}",
        "url": f"{base_url}{spell}/vulnerabilities",
        "title": f"{entry.spell_key} {entry.version}: {_TITLES[entry.kind]}",
        "content_text": _text(entry),
        "date_published": entry.created_at.isoformat(),
        "tags": [entry.kind.value],
        "_spell": {
            "key": entry.spell_key,
            "version": entry.version,
            "kind": entry.kind.value,
            **entry.details,
        },
    }


def _text(entry: LogEntryView) -> str:
    """What happened, in a few lines; never empty, since readers need one."""
    found = entry.details.get("findings") or [entry.details]
    lines = [str(one["message"]) for one in found if "message" in one]
    ended = entry.details.get("closed_as")
    return "\n".join([*lines, *([f"Closed as {ended}."] if ended else [])]) or "Nothing is left."
