"""Settings of a runner process, from the environment (prefix `SPELL_RUNNER_`).

There are few, on purpose: this process must not hold any other credential.
"""

import os
import ssl
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from runner.egress.locating import Endpoint
from runner.egress.static_hosts import read_static_hosts
from schema import limits


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _with_certificates(path: Path) -> Path:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:  # SSLError is one
        raise ValueError("is not a file with certificates in PEM") from error
    return path


def _static_hosts(value: object) -> object:
    return read_static_hosts(value) if isinstance(value, str) else value


class RunnerSettings(BaseSettings):
    """What a runner needs to know. Secrets are masked when printed."""

    model_config = SettingsConfigDict(env_prefix="SPELL_RUNNER_", frozen=True, extra="ignore")

    nats_url: SecretStr
    """`nats://user:password@host:port` of the runner's bus user."""
    private_key: SecretStr
    """Base64 X25519 private key of the runner fleet, which opens inputs."""
    code_public_key: str
    """Base64 Ed25519 public key of the platform, by which its compiled code is known."""
    data_dir: Path = Path(tempfile.gettempdir()) / "spell-runner"
    """Where compiled code is kept. Runners on one machine may share it."""
    children: Annotated[int, Field(ge=1, le=256)] = Field(default_factory=_processors)
    """Sandbox processes, and so runs at a time; by default one for each processor."""
    confinement: Literal["best-effort", "required"] = "best-effort"
    """`required`: do not start where the kernel refuses a layer. For production."""
    compiled_cache_bytes_max: Annotated[int, Field(ge=limits.MIB)] = 2048 * limits.MIB
    code_memory_bytes_max: Annotated[int, Field(ge=limits.MIB)] = 512 * limits.MIB
    """Compiled code in memory, which all sandbox processes share."""
    drain_seconds: Annotated[float, Field(gt=0)] = 20.0
    """How long runs may go on after SIGTERM before they are given back."""
    connect_seconds: Annotated[float, Field(gt=0)] = 30.0
    """How long the bus may stay away when the process starts; afterwards it waits for ever."""
    network: Literal["on", "off"] = "on"
    """Off denies every request of every guest, and starts no egress process."""
    egress_hosts: Annotated[dict[str, Endpoint], NoDecode, BeforeValidator(_static_hosts)] = Field(
        default_factory=dict
    )
    """`host=address[:port]` with commas between: hosts of the operator's own, private ones too."""
    egress_ca_file: Annotated[Path, AfterValidator(_with_certificates)] | None = None
    """Authorities that guests' requests trust besides the public ones, in PEM."""
    log_level: str = "INFO"

    @property
    def egress_authorities(self) -> str:
        """The certificates in `egress_ca_file`; PEM lets comments stand beside them."""
        return self.egress_ca_file.read_text("ascii", "ignore") if self.egress_ca_file else ""
