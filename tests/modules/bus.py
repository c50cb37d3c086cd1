"""A real nats-server with the platform's and the runner's bus users."""

import json
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schema.names import (
    CLAIMS_STREAM,
    MODULES_BUCKET,
    REVOCATIONS_BUCKET,
    RUNS_CONSUMER,
    RUNS_STREAM,
    VERDICTS_STREAM,
)

_NATS_SERVER = Path(sysconfig.get_path("scripts")) / "nats-server"

RUNNER_PUBLISHES = [
    f"$JS.API.CONSUMER.MSG.NEXT.{RUNS_STREAM}.{RUNS_CONSUMER}",
    f"$JS.API.CONSUMER.INFO.{RUNS_STREAM}.{RUNS_CONSUMER}",
    f"$JS.ACK.{RUNS_STREAM}.{RUNS_CONSUMER}.>",
    "verdict.*",
    "signal.*",
    "claim.*",
    f"$JS.API.DIRECT.GET.{CLAIMS_STREAM}.>",
    "dead.unreadable",
    "dead.lost",
    f"$JS.API.DIRECT.GET.{VERDICTS_STREAM}.>",
    f"$JS.API.DIRECT.GET.OBJ_{MODULES_BUCKET}",
    f"$JS.API.DIRECT.GET.OBJ_{MODULES_BUCKET}.>",
    f"$JS.API.DIRECT.GET.KV_{REVOCATIONS_BUCKET}",
]
RUNNER_HEARS = ["stop.*", "$KV.revocations.>", "_INBOX.runner.>"]


@dataclass
class BusServer:
    """A running server; `stop` and `start` keep its port and its data."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def platform_url(self) -> str:
        return f"nats://platform:secret-of-platform@127.0.0.1:{self.port}"

    @property
    def runner_url(self) -> str:
        return f"nats://runner:secret-of-runner@127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [_NATS_SERVER, "-c", self.folder / "nats.conf"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("nats-server does not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def bus_server(folder: Path) -> Iterator[BusServer]:
    server = BusServer(folder, _free_port())
    (folder / "nats.conf").write_text(_configuration(server))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _configuration(server: BusServer) -> str:
    users = [
        {"user": "platform", "password": "secret-of-platform"},
        {
            "user": "runner",
            "password": "secret-of-runner",
            "permissions": {"publish": RUNNER_PUBLISHES, "subscribe": RUNNER_HEARS},
        },
    ]
    settings = {
        "host": "127.0.0.1",
        "port": server.port,
        "max_payload": 8 * 1024 * 1024,
        "jetstream": {"store_dir": str(server.folder / "jetstream")},
        "authorization": {"users": users},
    }
    return json.dumps(settings)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
