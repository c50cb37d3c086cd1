"""One sandbox process for the whole corpus: what one guest does must not show in the next."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from runner.attendance import Attendance
from runner.compiling.frozen_code import FrozenCode
from runner.egress.egress import Egress
from runner.egress.locating import Endpoint
from runner.processes.guest_run import Finished, GuestRun
from runner.processes.sandbox_process import SandboxDiedError, SandboxProcess
from runner.redaction import Redaction
from runner.sandbox.engine import build_engine
from runner.sandbox.guest_memory import GuestMemories
from runner.sandbox.module_checks import compile_module
from schema.contracts.run import RunLimits, RunPolicy
from schema.ids import sha256_digest
from schema.limits import MIB
from schema.packaging.tar_header import END, header_of, padding_of
from tests.hostile.case import ALLOWED_HOST, CLOCK_UNIX_MS, SEED, Case, Grants
from tests.modules.guests import digest_of, guest
from tests.support.tls_servers import Authority, Received, TlsServer, response, tls_server

LIMITS = RunLimits(
    fuel=200_000_000,
    timeout_ms=5_000,
    memory_bytes_max=4 * MIB,
    output_bytes_max=100_000,
    stderr_bytes_max=10_000,
)
_FILES = {"resources/data": b"data", "resources/folder/file": b"file"}
_RESOURCES = (
    b"".join(
        header_of(name.encode(), len(content)) + content + bytes(padding_of(len(content)))
        for name, content in sorted(_FILES.items())
    )
    + END
)
_WARM_MAX = 32


@dataclass
class End:
    """How a guest ended, and what it reported on the way."""

    finished: Finished
    progress: list[dict[str, Any]] = field(default_factory=list)


class Cell:
    """The sandbox process that all guests of a test run in."""

    def __init__(self, process: SandboxProcess, egress: Egress) -> None:
        self.process = process
        self._egress = egress
        self._lost = False

    @property
    def pid(self) -> int:
        """Which process it is: a crash would show as another one."""
        assert self.process.alive
        return self.process._process.pid

    async def mend(self) -> None:
        """Have a process again, when the test before has lost it and so has failed."""
        if self._lost or not self.process.alive:
            await self.process.close()
            self.process, self._lost = await SandboxProcess.start(), False

    async def load(self, module: str) -> str:
        """Make a module warm; answers its digest."""
        digest = digest_of(module)
        if digest not in self.process.warm:
            if len(self.process.warm) >= _WARM_MAX:
                await self.process.drop(next(iter(self.process.warm)))
            await self.process.load(digest, compiled(module))
        return digest

    async def cast(self, case: Case, *, seed: str = SEED) -> End:
        """Run one row of the table."""
        digest = await self.load(case.module)
        policy = await self._policy_of(case.grants)
        limits = limits_of(case)
        end = End(None)  # type: ignore[arg-type]
        attendance = Attendance(limits, policy, self._egress, Redaction({}), end.progress.append)
        run = GuestRun(
            module_digest=digest,
            entry=case.entry,
            bounds=limits,
            policy=policy,
            seed=seed,
            clock_unix_ms=CLOCK_UNIX_MS,
            inputs=case.stdin,
            environment=case.grants.environment_json(),
        )
        try:
            finished = await self.process.run(run, attendance)
        except SandboxDiedError:
            self._lost = True
            raise
        assert isinstance(finished, Finished), f"it took its process with it: {finished}"
        end.finished = finished
        return end

    async def _policy_of(self, grants: Grants) -> RunPolicy:
        digest = sha256_digest(_RESOURCES) if grants.resources else None
        if digest is not None and digest not in self.process.resources:
            await self.process.provide(digest, _RESOURCES)
        return RunPolicy(
            deterministic=grants.deterministic,
            net_allow=list(grants.net_allow),
            scratch=bool(grants.scratch_bytes),
            resources_digest=digest,
        )


@cache
def compiled(module: str) -> FrozenCode:
    """The code of a guest, made once."""
    return compile_here(guest(module))


def compile_here(wasm: bytes) -> FrozenCode:
    """Compile in this process, by the sandbox's settings: one of its own for each takes long."""
    return FrozenCode.of(bytes(compile_module(build_engine(GuestMemories()), wasm).serialize()))


def limits_of(case: Case) -> RunLimits:
    grants = case.grants
    quotas = {
        "scratch_bytes_max": grants.scratch_bytes,
        "artifacts_bytes_max": grants.artifacts_bytes,
    }
    changes = {**case.limits, **quotas}
    return RunLimits.model_validate({**LIMITS.model_dump(), **changes})


@pytest.fixture(scope="session")
async def lures() -> AsyncIterator[tuple[TlsServer, Egress]]:
    """A server under the one name that guests may reach, which sends them elsewhere."""
    authority = Authority()
    async with tls_server(authority.server_context(ALLOWED_HOST), _redirect) as server:
        egress = Egress({ALLOWED_HOST: Endpoint("127.0.0.1", server.port)}, authority.pem)
        yield server, egress
        await egress.close()


async def _redirect(request: Received, writer: asyncio.StreamWriter) -> None:
    location = bytes.fromhex(request.path.removeprefix("/")).decode()
    writer.write(response(b"", f"Location: {location}", status="302 Found"))


@pytest.fixture(scope="session")
async def cell(lures: tuple[TlsServer, Egress]) -> AsyncIterator[Cell]:
    egress = lures[1]
    cell = Cell(await SandboxProcess.start(), egress)
    yield cell
    await cell.process.close()


Cast = Callable[..., Awaitable[End]]


@pytest.fixture
async def cast(cell: Cell) -> AsyncIterator[Cast]:
    """Cast in the shared process, which must serve the next one as if nothing had been."""
    await cell.mend()
    pid = cell.pid
    yield cell.cast
    echo = Case("echo", "_start", "", stdin=b"still here")
    end = (await cell.cast(echo)).finished
    assert (end.report.code, end.output, end.stderr) == (None, b"still here", b"")
    assert end.report.violations == []
    assert cell.pid == pid
