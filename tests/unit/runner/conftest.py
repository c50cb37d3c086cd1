"""One sandbox process for many tests: what one guest does must not show in the next."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from runner.compiling.code_store import CodeStore
from runner.processes.guest_run import Finished, GuestRun, Killed
from runner.processes.sandbox_process import SandboxProcess
from schema.contracts.run import RunLimits, RunPolicy
from schema.limits import MIB
from tests.modules.code import code_store
from tests.modules.guests import digest_of, guest, guest_names
from tests.support.attendants import Bystander

LIMITS = RunLimits(
    fuel=50_000_000,
    timeout_ms=5_000,
    memory_bytes_max=4 * MIB,
    output_bytes_max=100_000,
    stderr_bytes_max=10_000,
)


@dataclass
class Reach:
    """What a guest may reach besides its input; a real clock unless a test says otherwise."""

    policy: RunPolicy = field(default_factory=lambda: RunPolicy(deterministic=False))
    seed: str = "5e" * 32
    clock_unix_ms: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    attendant: Bystander = field(default_factory=Bystander)


RunGuest = Callable[..., Awaitable[Finished | Killed]]


@pytest.fixture(scope="session")
def code(tmp_path_factory: pytest.TempPathFactory) -> CodeStore:
    modules = {digest_of(name): name for name in guest_names()}

    async def fetch(digest: str) -> bytes:
        return guest(modules[digest])

    return code_store(tmp_path_factory.mktemp("code"), fetch)


@pytest.fixture(scope="session")
async def sandbox() -> AsyncIterator[SandboxProcess]:
    process = await SandboxProcess.start()
    yield process
    await process.close()


@pytest.fixture(scope="session")
def run_on(code: CodeStore) -> RunGuest:
    """Run a guest on a process, with the test's limits where it names any."""

    async def run(
        process: SandboxProcess,
        name: str,
        entry: str = "_start",
        stdin: bytes = b"",
        *,
        reach: Reach | None = None,
        **limits: int,
    ) -> Finished | Killed:
        digest, reach = digest_of(name), reach or Reach()
        if digest not in process.warm:
            await process.load(digest, await code.compiled(process.engine, digest))
        guest = GuestRun(
            module_digest=digest,
            entry=entry,
            bounds=RunLimits.model_validate({**LIMITS.model_dump(), **limits}),
            policy=reach.policy,
            seed=reach.seed,
            clock_unix_ms=reach.clock_unix_ms,
            inputs=stdin,
            environment=json.dumps(reach.environment).encode(),
        )
        return await process.run(guest, reach.attendant)

    return run


@pytest.fixture
async def run(sandbox: SandboxProcess, run_on: RunGuest) -> AsyncIterator[RunGuest]:
    """Run a guest on the shared process, which must serve the next one as if nothing had been."""

    async def run_shared(*arguments: object, **limits: object) -> Finished | Killed:
        return await run_on(sandbox, *arguments, **limits)

    yield run_shared
    end = await run_on(sandbox, "echo", stdin=b"still here")
    assert isinstance(end, Finished)
    assert (end.report.code, end.output, end.stderr) == (None, b"still here", b"")
