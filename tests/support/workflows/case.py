"""The work of `case.yml`, as its inputs say: note that it ran, wait, refuse or leave files.

Run by a bare interpreter inside a run, so it imports nothing of ours.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

_CLIENT = build_opener(ProxyHandler({}))
_WAIT_SECONDS_MAX = 100


def main() -> int:
    """Do the work; 3 where the inputs say that it fails."""
    with _CLIENT.open(os.environ["INPUTS_URL"], timeout=30) as answer:
        inputs: dict[str, Any] = json.load(answer)
    with Path(inputs["ran"]).open("a") as ran:
        ran.write(f"{os.getpid()}\n")
    _wait_for(inputs.get("gate"))
    if inputs.get("fails"):
        sys.stdout.write("no: the moon is full\n")
        return 3
    _leave("out/output.json", json.dumps({"said": inputs.get("say")}).encode())
    _leave("out/pages/one.txt", bytes(range(256)) * 1000)
    _leave("build/notes.md", b"# Notes\n")
    return 0


def _wait_for(gate: str | None) -> None:
    until = time.monotonic() + _WAIT_SECONDS_MAX
    while gate is not None and not Path(gate).exists() and time.monotonic() < until:
        time.sleep(0.02)


def _leave(path: str, content: bytes) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)


if __name__ == "__main__":
    sys.exit(main())
