"""The platform's NATS with JetStream: durable, and a user for each level of trust."""

import json

from infra.embedded import binaries, probes
from infra.embedded.credentials import Credentials
from infra.embedded.environment import base_environment
from infra.embedded.layout import Layout
from infra.embedded.nats_permissions import (
    PLATFORM_USER,
    RUNNER_USER,
    platform_permissions,
    runner_permissions,
)
from infra.embedded.ports import LOOPBACK
from infra.embedded.private_file import write_private
from infra.embedded.process_spec import ProcessSpec
from schema.limits import MIB

_PAYLOAD_BYTES_MAX = 8 * MIB


def nats_url(user: str, password: str, port: int) -> str:
    """The server's URL for one of its users."""
    return f"nats://{user}:{password}@{LOOPBACK}:{port}"


def nats_spec(layout: Layout, port: int, credentials: Credentials) -> ProcessSpec:
    """The server process; its configuration, which holds passwords, is a file of mode 0600."""
    configuration = layout.nats / "nats.conf"
    write_private(configuration, _configuration(layout, port, credentials))
    return ProcessSpec(
        name="nats",
        argv=[str(binaries.nats_server()), "--config", str(configuration)],
        environment=base_environment(),
        ready=probes.nats(port, PLATFORM_USER, credentials.nats_platform_password),
        ready_within_seconds=30.0,
    )


def _configuration(layout: Layout, port: int, credentials: Credentials) -> str:
    users = [
        _user(PLATFORM_USER, credentials.nats_platform_password),
        _user(RUNNER_USER, credentials.nats_runner_password),
    ]
    settings = {
        "server_name": "spell-embedded",
        "host": LOOPBACK,
        "port": port,
        "max_payload": _PAYLOAD_BYTES_MAX,
        "jetstream": {"store_dir": str(layout.nats / "jetstream")},
        "authorization": {"users": users},
    }
    return json.dumps(settings, indent=2)


def _user(name: str, password: str) -> dict[str, object]:
    permissions = runner_permissions() if name == RUNNER_USER else platform_permissions()
    return {
        "user": name,
        "password": password,
        "permissions": {
            "publish": {"allow": list(permissions.publish)},
            "subscribe": {"allow": list(permissions.subscribe)},
        },
    }
