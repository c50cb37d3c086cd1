"""The platform's Temporal: the official development server, on a durable file, tuned."""

from infra.embedded import binaries, probes
from infra.embedded.environment import base_environment
from infra.embedded.layout import Layout
from infra.embedded.ports import LOOPBACK
from infra.embedded.process_spec import ProcessSpec
from schema.names import (
    SEARCH_ACCOUNT,
    SEARCH_COST,
    SEARCH_MODE,
    SEARCH_SPELL,
    SEARCH_STATUS,
)

NAMESPACE = "default"

SEARCH_ATTRIBUTES = {
    SEARCH_SPELL: "Keyword",
    SEARCH_ACCOUNT: "Keyword",
    SEARCH_MODE: "Keyword",
    SEARCH_STATUS: "Keyword",
    SEARCH_COST: "Int",
}
"""What a Temporal cluster must know before the platform uses it."""

# By default each workflow task waits for a tick of 50 ms; measured in design/architecture.md 3.
_DYNAMIC_CONFIG = {
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")


def temporal_spec(
    layout: Layout, *, port: int, http_port: int, ui_port: int, codec_url: str
) -> ProcessSpec:
    """The server process, with its Web UI.

    Args:
        layout: the data directory.
        port: of the gRPC frontend.
        http_port: of the same API over HTTP, which readiness probes use.
        ui_port: of the Web UI.
        codec_url: the codec server that the UI asks to decrypt payloads.
    """
    return ProcessSpec(
        name="temporal",
        argv=[
            str(binaries.temporal()),
            *("server", "start-dev", "--ip", LOOPBACK),
            *("--port", str(port), "--http-port", str(http_port), "--ui-port", str(ui_port)),
            *("--db-filename", str(layout.temporal_database)),
            *(part for pragma in _PRAGMAS for part in ("--sqlite-pragma", pragma)),
            *_pairs("--dynamic-config-value", _DYNAMIC_CONFIG),
            *_pairs("--search-attribute", SEARCH_ATTRIBUTES),
            *("--ui-codec-endpoint", codec_url, "--ui-disable-news-fetch"),
            *("--log-level", "error", "--disable-config-file", "--disable-config-env"),
        ],
        environment=base_environment(),
        ready=probes.http(http_port, f"/api/v1/namespaces/{NAMESPACE}"),
        ready_within_seconds=30.0,
    )


def _pairs(option: str, values: dict[str, str]) -> list[str]:
    return [part for key, value in values.items() for part in (option, f"{key}={value}")]
