"""OSV records, archives of them, and a server that answers as OSV's bucket and API do."""

import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.version import InvalidVersion, Version

CRITICAL = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"  # 9.8
HIGH = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"  # 7.5
MODERATE = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"  # 5.3


def a_record(
    record_id: str,
    name: str = "leftpad",
    *,
    ecosystem: str = "PyPI",
    events: list[dict[str, str]] | None = None,
    range_type: str = "ECOSYSTEM",
    versions: list[str] | None = None,
    aliases: list[str] | None = None,
    vector: str | None = None,
    modified: str = "2026-01-01T00:00:00Z",
    withdrawn: str | None = None,
    summary: str = "",
) -> dict[str, Any]:
    """A record on one package: below 2.0 affected, unless said otherwise."""
    ranges = [
        {"type": range_type, "events": events or [{"introduced": "0"}, {"fixed": "2.0"}]},
    ]
    record: dict[str, Any] = {
        "id": record_id,
        "modified": modified,
        "aliases": aliases or [],
        "summary": summary,
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": name},
                "ranges": [] if events == [] else ranges,
                "versions": versions or [],
            }
        ],
    }
    if vector:
        record["severity"] = [{"type": f"CVSS_V{vector[5]}", "score": vector}]
    if withdrawn:
        record["withdrawn"] = withdrawn
    return record


def write_archive(path: Path, records: list[dict[str, Any]], **raw: bytes) -> Path:
    """`all.zip` of these records; `raw` are entries as they are, by name without `.json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for record in records:
            archive.writestr(f"{record['id']}.json", json.dumps(record))
        for name, content in raw.items():
            archive.writestr(f"{name}.json", content)
    return path


@dataclass
class OsvServer:
    """What the server has, and what it was asked."""

    url: str = ""
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """Bodies by path, of the bucket."""
    page_size: int = 2
    asked: list[str] = field(default_factory=list)

    def publish(self, *records: dict[str, Any]) -> None:
        """Have the records in the API."""
        self.records |= {record["id"]: record for record in records}

    def querybatch(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answers in pages, as OSV's does."""
        return {"results": [self._page(query) for query in body["queries"]]}

    def _page(self, query: dict[str, Any]) -> dict[str, Any]:
        found = [one for one in self.records.values() if _affects(one, query)]
        start = int(query.get("page_token", 0))
        page = found[start : start + self.page_size]
        more = start + self.page_size < len(found)
        vulns = [{"id": one["id"], "modified": one["modified"]} for one in page]
        token = {"next_page_token": str(start + self.page_size)} if more else {}
        return ({"vulns": vulns} if vulns else {}) | token


def _affects(record: dict[str, Any], query: dict[str, Any]) -> bool:
    """OSV's evaluation, for PyPI and one range a package: enough to answer tests."""
    if record.get("withdrawn"):
        return False
    affected = record["affected"][0]
    if affected["package"] != query["package"]:
        return False
    if "version" not in query or query["version"] in affected["versions"]:
        return True
    try:
        return bool(affected["ranges"]) and _inside(
            affected["ranges"][0]["events"], Version(query["version"])
        )
    except InvalidVersion:
        return False


def _inside(events: list[dict[str, str]], version: Version) -> bool:
    inside = False
    for event in events:
        for kind, text in event.items():
            if kind == "introduced" and (text == "0" or version >= Version(text)):
                inside = True
            if (kind == "fixed" and version >= Version(text)) or (
                kind == "last_affected" and version > Version(text)
            ):
                inside = False
    return inside


@contextmanager
def osv_server() -> Iterator[OsvServer]:
    """A server on loopback, for as long as the block lasts."""
    state = OsvServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(self.path)
            state.asked.append(path)
            record = state.records.get(path.removeprefix("/v1/vulns/"))
            if record is not None:
                self._answer(200, json.dumps(record).encode())
            elif path in state.files:
                self._answer(200, state.files[path])
            else:
                self._answer(404, b'{"code":5,"message":"Bug not found."}')

        def do_POST(self) -> None:
            state.asked.append(self.path)
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(200, json.dumps(state.querybatch(body)).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Be silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
