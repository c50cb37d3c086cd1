"""The platform's Redis: rate limits and caches, kept over restarts."""

from pathlib import Path

from infra.embedded import probes
from infra.embedded.credentials import Credentials
from infra.embedded.environment import base_environment
from infra.embedded.layout import Layout
from infra.embedded.ports import LOOPBACK
from infra.embedded.private_file import write_private
from infra.embedded.process_spec import ProcessSpec

IN_PROCESS_URL = "burner://"
"""Where no server binary fits: the platform runs without Redis."""


def redis_url(password: str, port: int) -> str:
    """The server's URL."""
    return f"redis://:{password}@{LOOPBACK}:{port}/0"


def redis_spec(program: Path, layout: Layout, port: int, credentials: Credentials) -> ProcessSpec:
    """The server process; its configuration, which holds the password, is a file of mode 0600."""
    configuration = layout.redis / "redis.conf"
    settings = {
        "bind": LOOPBACK,
        "port": str(port),
        "dir": _quoted(str(layout.redis)),
        "requirepass": credentials.redis_password,
        "appendonly": "yes",
        "save": '""',
        "daemonize": "no",
        "loglevel": "warning",
    }
    write_private(configuration, "".join(f"{key} {value}\n" for key, value in settings.items()))
    return ProcessSpec(
        name="redis",
        argv=[str(program), str(configuration)],
        environment=base_environment(),
        ready=probes.redis(port, credentials.redis_password),
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
