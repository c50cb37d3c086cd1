"""Our own processes on the local platform: migrations first, then api, worker and runner."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM

from infra.embedded import probes
from infra.embedded.credentials import Credentials
from infra.embedded.environment import Endpoints, platform_environment, runner_environment
from infra.embedded.layout import Layout
from infra.embedded.ports import LOOPBACK
from infra.embedded.process_spec import Probe, ProcessSpec, Restart, StopStep
from schema.names import CASTS_TASK_QUEUE

# The folder that holds our top-level packages, in a checkout as in an installation.
_CODE = Path(__file__).parents[2]
# Worker and runner let what they have begun go on for 20 s after SIGTERM.
_DRAINING_STOP = (StopStep(SIGTERM, 25.0), StopStep(SIGKILL, 5.0))


@dataclass(frozen=True)
class PlatformContext:
    """What is known once the servers run: enough to describe the processes that use them."""

    layout: Layout
    ports: Mapping[str, int]
    """By name (`api`, `temporal`, `temporal_http` …); only of servers that were started here."""
    endpoints: Endpoints
    credentials: Credentials
    external: Mapping[str, str]

    @property
    def platform_environment(self) -> dict[str, str]:
        """The environment of api, worker and operator commands."""
        return platform_environment(self.endpoints, self.credentials, self.external)

    @property
    def runner_environment(self) -> dict[str, str]:
        """The environment of a runner."""
        return runner_environment(
            self.endpoints, self.credentials, self.layout.runner, self.external
        )


ProcessFactory = Callable[[PlatformContext], Sequence[ProcessSpec]]
"""Describes the caller's processes, in the order in which they are started."""


def no_processes(context: PlatformContext) -> Sequence[ProcessSpec]:
    """Servers only."""
    del context
    return ()


def spell_processes(context: PlatformContext) -> Sequence[ProcessSpec]:
    """Migrations, then api, worker and one runner."""
    environment = context.platform_environment
    port = context.ports["api"]
    return (
        ProcessSpec(
            name="migrate",
            argv=_python("infra.migrate", "upgrade"),
            environment=environment,
            ready_within_seconds=60.0,
            restart=Restart.NEVER,
            working_directory=_CODE,
        ),
        ProcessSpec(
            name="worker",
            argv=_python("worker"),
            environment=environment,
            ready=_polls(context),
            ready_within_seconds=30.0,
            stop=_DRAINING_STOP,
            working_directory=_CODE,
        ),
        ProcessSpec(
            name="api",
            argv=_python(
                *("uvicorn", "api.main:app", "--host", LOOPBACK, "--port", str(port)),
                # Open event streams would otherwise hold the stop up for ever.
                *("--timeout-graceful-shutdown", "5"),
            ),
            environment=environment,
            ready=probes.http(port, "/ready"),
            ready_within_seconds=30.0,
            working_directory=_CODE,
        ),
        ProcessSpec(
            name="runner",
            argv=_python("runner.main"),
            environment=context.runner_environment,
            stop=_DRAINING_STOP,
            working_directory=_CODE,
        ),
    )


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _polls(context: PlatformContext) -> Probe | None:
    """Ready when Temporal sees somebody poll the casts queue; unknown with an external Temporal."""
    if "temporal_http" not in context.ports:
        return None
    return probes.temporal_polls(context.ports["temporal_http"], CASTS_TASK_QUEUE)
