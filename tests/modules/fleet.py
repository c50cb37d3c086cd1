"""Runner processes and the platform's side of a cast, for integration tests."""

import asyncio
import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nacl.public import PrivateKey, SealedBox

from infra.run_bus import NatsRunBus
from schema.contracts.run import RunLimits, RunPolicy, RunRequest, Verdict
from schema.limits import MIB
from tests.modules.bus import BusServer
from tests.modules.code import CODE_PUBLIC_KEY
from tests.modules.guests import digest_of, guest

_ROOT = Path(__file__).resolve().parents[2]
FLEET_KEY = PrivateKey(b"f" * 32)
REPLY_KEY = PrivateKey(b"p" * 32)
LIMITS = RunLimits(
    fuel=10_000_000_000,
    timeout_ms=10_000,
    memory_bytes_max=4 * MIB,
    output_bytes_max=MIB,
)

# A deterministic guest would not really sleep.
REAL_TIME = RunPolicy(deterministic=False)


def base64_of(key: bytes) -> str:
    return base64.b64encode(key).decode()


def new_cast_id(account: str = "a") -> str:
    """A cast of the account that is named by one letter."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    tail = "".join(secrets.choice(letters) for _ in range(26))
    return f"cast_{account * 16}_{tail}"


def request_for(
    name: str,
    inputs: object = None,
    *,
    entry: str = "_start",
    limits: RunLimits = LIMITS,
    policy: RunPolicy = REAL_TIME,
    account: str = "a",
    expires_in_seconds: float = 60,
) -> RunRequest:
    sealed = SealedBox(FLEET_KEY.public_key).encrypt(json.dumps(inputs).encode())
    return RunRequest(
        cast_id=new_cast_id(account),
        module_digest=digest_of(name),
        entry=entry,
        limits=limits,
        policy=policy,
        sealed_inputs=base64_of(sealed),
        reply_public_key=base64_of(bytes(REPLY_KEY.public_key)),
        expires_at_unix=int(time.time() + expires_in_seconds),
    )


def opened(sealed: str | None) -> bytes:
    assert sealed is not None
    return bytes(SealedBox(REPLY_KEY).decrypt(base64.b64decode(sealed)))


@dataclass
class Caster:
    """What the running activity does: bring the module, publish, wait for the verdict."""

    bus: NatsRunBus
    hints: list[str] = field(default_factory=list)

    async def publish(self, name: str, request: RunRequest) -> None:
        async def load() -> bytes:
            return guest(name)

        await self.bus.ensure_object(request.module_digest, load)
        assert await self.bus.publish_run(request), "the lane is full"

    async def verdict(self, cast_id: str, seconds_max: float = 30) -> Verdict:
        async with asyncio.timeout(seconds_max), self.bus.watch(cast_id) as signals:
            while (verdict := await self.bus.verdict_of(cast_id)) is None:
                hint = await signals.wait(1.0)
                if hint is not None:
                    self.hints.append(hint)
        return verdict

    async def cast(self, name: str, inputs: object = None, **options: object) -> Verdict:
        request = request_for(name, inputs, **options)  # type: ignore[arg-type]
        async with self.bus.watch(request.cast_id) as signals:
            await self.publish(name, request)
            async with asyncio.timeout(30):
                while (hint := await signals.wait(5.0)) != "verdict":
                    self.hints.append(hint or "nothing")
        verdict = await self.bus.verdict_of(request.cast_id)
        assert verdict is not None, "a verdict hint comes after the verdict"
        return verdict

    async def started(self, request: RunRequest, name: str) -> None:
        """Publish, and wait until a guest runs."""
        async with asyncio.timeout(30), self.bus.watch(request.cast_id) as signals:
            await self.publish(name, request)
            while await signals.wait(5.0) != "started":
                pass


@contextmanager
def runner_process(
    server: BusServer,
    folder: Path,
    *,
    children: int = 1,
    drain_seconds: float = 20,
    bus_url: str = "",
    connect_seconds: float = 30,
) -> Iterator[subprocess.Popen[bytes]]:
    """A `spell-runner`, as a process of its own; its log is `runner.log` in the folder."""
    with (folder / "runner.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "runner.main"],
            cwd=_ROOT,
            env={
                "SPELL_RUNNER_NATS_URL": bus_url or server.runner_url,
                "SPELL_RUNNER_CONNECT_SECONDS": str(connect_seconds),
                "SPELL_RUNNER_PRIVATE_KEY": base64_of(bytes(FLEET_KEY)),
                "SPELL_RUNNER_CODE_PUBLIC_KEY": CODE_PUBLIC_KEY,
                "SPELL_RUNNER_DATA_DIR": str(folder / "data"),
                "SPELL_RUNNER_CHILDREN": str(children),
                "SPELL_RUNNER_DRAIN_SECONDS": str(drain_seconds),
                "PATH": os.environ["PATH"],
            },
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def children_of(process: subprocess.Popen[bytes]) -> list[int]:
    """The process ids of a runner's sandbox processes."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(number) for number in text.split()]
