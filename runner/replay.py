"""`python -m runner.replay`: run again what receipts say ran, on this machine.

One `ReplayRequest` as JSON on each line of standard input, one `ReplayAnswer` on each line of
standard output. It is a runner without a bus: the same compiler process, the same sandbox process,
the same verdict. Wall and processor time are the machine's own and bound nothing but the platform's
maxima, so that a slow machine can replay what a fast one ran.
"""

import asyncio
import base64
import binascii
import secrets
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from runner.compiling.code_store import CacheSizes, CodeStore
from runner.egress.messages import FetchAnswer, FetchBounds, FetchRequest
from runner.executor import Execution, Executor, PlatformFaultError
from runner.processes.pool import SandboxPool
from runner.resource_store import ResourceStore
from runner.sealing import RunnerKey, seal
from runner.verdicts import VerdictWriter
from schema import limits
from schema.contracts.cast import ArtifactDigest
from schema.contracts.receipt import ReceiptRun
from schema.contracts.replay import ReplayAnswer, Replayed, ReplayRequest
from schema.contracts.run import RunRequest, Verdict
from schema.ids import sha256_digest
from schema.packaging.artifact_archive import read_artifacts
from schema.receipts import artifact_digests, salted_digest
from schema.settlement import status_of

_LINE_BYTES_MAX = 96 * limits.MIB
_CACHE_SIZES = CacheSizes(512 * limits.MIB, 128 * limits.MIB)
_NEVER_UNIX = 2**40


class ReplayRefusedError(Exception):
    """It cannot be run again here; the message says why."""


class Replayer:
    """Runs one replay after the other on a sandbox process of its own.

    Args:
        pool: one process, started.
        folder: for compiled code, while this process lives.
    """

    def __init__(self, pool: SandboxPool, folder: Path) -> None:
        self._engine = pool.engine
        self._key = RunnerKey(base64.b64encode(secrets.token_bytes(32)).decode("ascii"))
        self._objects: dict[str, bytes] = {}
        self._executor = Executor(
            pool,
            CodeStore.open(folder, _CACHE_SIZES, self._object),
            ResourceStore(self._object),
            self._key,
            VerdictWriter("replay", pool.engine),
            Nobody(),
            Nobody(),
        )

    async def answer(self, line: bytes) -> ReplayAnswer:
        """The answer to one line, whatever is in it."""
        try:
            request = ReplayRequest.model_validate_json(line)
            return ReplayAnswer(replayed=await self._replay(request))
        except ValidationError as error:
            problems = error.errors(include_input=False, include_url=False)
            return ReplayAnswer(refusal=f"the request cannot be read: {problems[0]['msg']}")
        except (ReplayRefusedError, PlatformFaultError) as refusal:
            return ReplayAnswer(refusal=str(refusal))

    async def _replay(self, request: ReplayRequest) -> Replayed:
        if request.engine != self._engine:
            raise ReplayRefusedError(
                f"the cast ran on the engine {request.engine}, and {self._engine} is installed here"
            )
        self._objects.clear()
        self._keep(request.record.module_digest, request.module_base64, "the module")
        if request.resources_base64 is not None:
            digest = request.record.policy.resources_digest or ""
            self._keep(digest, request.resources_base64, "the archive of resources")
        verdict = await self._executor.execute(Execution(self._run_request(request)))
        replayed = Replayed(
            engine=verdict.engine,
            status=status_of(verdict.outcome),
            code=verdict.code,
            usage=verdict.usage,
            output_digest=self._output_digest(verdict, request.record.salt),
            artifacts=self._artifact_digests(verdict, request.record),
        )
        return self._revealed(replayed, verdict) if request.reveal else replayed

    def _revealed(self, replayed: Replayed, verdict: Verdict) -> Replayed:
        output = self._key.open(verdict.sealed_output) if verdict.sealed_output else None
        errors = self._key.open(verdict.sealed_stderr) if verdict.sealed_stderr else b""
        return replayed.model_copy(
            update={
                "output_base64": base64.b64encode(output).decode("ascii") if output else None,
                "error_stream": errors.decode("utf-8", "replace"),
            }
        )

    def _keep(self, digest: str, content_base64: str, what: str) -> None:
        content = _decoded(content_base64, what)
        if sha256_digest(content) != digest:
            raise ReplayRefusedError(f"{what} is not the one that ran: its digest is another")
        self._objects[digest] = content

    def _run_request(self, request: ReplayRequest) -> RunRequest:
        record, unhurried = request.record, limits.TIMEOUT_MS_MAX
        return RunRequest(
            cast_id=request.cast_id,
            module_digest=record.module_digest,
            target=record.target,
            entry=record.entry,
            limits=record.limits.model_copy(
                update={"timeout_ms": unhurried, "cpu_ms_max": unhurried}
            ),
            policy=record.policy,
            seed=record.seed,
            clock_unix_ms=record.clock_unix_ms,
            sealed_inputs=seal(self._key.public_key, request.inputs_json.encode("utf-8")),
            reply_public_key=self._key.public_key,
            expires_at_unix=_NEVER_UNIX,
        )

    def _output_digest(self, verdict: Verdict, salt: str) -> str | None:
        if verdict.sealed_output is None:
            return None
        return salted_digest(salt, self._key.open(verdict.sealed_output))

    def _artifact_digests(self, verdict: Verdict, record: ReceiptRun) -> list[ArtifactDigest]:
        sealed = verdict.sealed_artifacts
        archive = self._key.open(sealed) if sealed else b""
        files = read_artifacts(archive, record.limits.artifacts_bytes_max)
        return artifact_digests(record.salt, files)

    async def _object(self, digest: str) -> bytes:
        if digest not in self._objects:
            raise ReplayRefusedError("the run read resources, and none were sent along")
        return self._objects[digest]


class Nobody:
    """The world around a replay: nobody waits for it, and it reaches nothing."""

    async def announce_start(self, cast_id: str) -> None:
        """Nobody waits."""

    async def announce_progress(self, cast_id: str, sealed_report: str) -> None:
        """Nobody waits."""

    async def fetch(self, request: FetchRequest, bounds: FetchBounds) -> FetchAnswer:
        """A run that uses the network is not replayed."""
        del request, bounds
        return FetchAnswer(refusal="denied")


def _decoded(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ReplayRefusedError(f"{what} is not base64") from error


async def _serve() -> None:
    pool = SandboxPool(1)
    await pool.start()
    try:
        with TemporaryDirectory(prefix="spell-replay-") as folder:
            replayer = Replayer(pool, Path(folder))
            while line := await asyncio.to_thread(sys.stdin.buffer.readline, _LINE_BYTES_MAX):
                answer = await replayer.answer(line)
                sys.stdout.write(answer.model_dump_json() + "\n")
                sys.stdout.flush()
    finally:
        await pool.close()


def main() -> None:
    """Answer requests until standard input ends."""
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
