"""A cast's events, as a terminal shows them."""

from cli.client import in_path
from cli.context import CliContext
from cli.event_streams import whole_stream
from cli.progress import progress_text

_LAST = frozenset({"settled", "failed", "cancelled"})


def show_events(cli: CliContext, cast_id: str) -> None:
    """Show the cast's events as they come, until it has ended."""
    path = f"/v1/casts/{in_path(cast_id)}/events"
    with cli.output.notes.status("queued …") as status:
        for event, data in whole_stream(cli.api, path, _LAST):
            if event == "progress" and cli.output.notes.is_terminal:
                status.update(progress_text(data["report"]))
                continue
            status.update(f"{event} …")
            shown = {k: v for k, v in data.items() if k != "at"}
            extra = " ".join(f"{name}={value}" for name, value in shown.items())
            cli.output.note(f"event    {event} {extra}".rstrip())
