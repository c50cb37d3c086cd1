"""Replay on this machine: a process of the runner's runs the module, and this one compares.

It is spawned and not imported: only the runner loads what executes strangers' code.
"""

import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

from pydantic import ValidationError

from cli.client import CliError, ExitCode, in_path
from cli.context import CliContext
from cli.files import read_file
from schema import limits
from schema.contracts.receipt import AnyReceipt, Check, Receipt
from schema.contracts.replay import ReplayAnswer, ReplayRequest
from schema.receipt_checks import replay_checks, replay_refusal

_ROOT = Path(__file__).resolve().parent.parent
_END_SECONDS_MAX = 10
_SECONDS_MAX = limits.TIMEOUT_MS_MAX / 1000 + limits.MODULE_CHECK_SECONDS_MAX + 30
_ASK_THE_PLATFORM = "The platform can replay it: POST /v1/casts/{id}/receipt:replay."


def replay_here(
    cli: CliContext, receipt: AnyReceipt, inputs: bytes, module: Path | None
) -> list[Check]:
    """Run what the receipt says ran, and compare.

    Args:
        cli: for the module, when no file is given.
        receipt: signed, and about these inputs.
        inputs: canonical.
        module: None asks the platform for it, which gives it to its maker.

    Raises:
        CliError: it cannot be replayed, or not here.
    """
    refusal = replay_refusal(receipt)
    if refusal is None and isinstance(receipt, Receipt):
        refusal = _refusal_here(receipt)
    if refusal is not None:
        raise CliError(f"This cast cannot be replayed: {refusal}.", ExitCode.REFUSED)
    assert isinstance(receipt, Receipt), "others are refused above"
    content = _module(cli, receipt) if module is None else read_file(module)
    request = ReplayRequest(
        cast_id=receipt.cast_id,
        engine=receipt.engine,
        record=receipt.run,
        module_base64=base64.b64encode(content).decode("ascii"),
        inputs_json=inputs.decode("utf-8"),
    )
    with cli.output.notes.status("replaying …"), replayer() as ask:
        answer = ask(request)
    if answer.replayed is None:
        message = f"This cast cannot be replayed here: {answer.refusal}.\n  {_ASK_THE_PLATFORM}"
        raise CliError(message, ExitCode.REFUSED)
    return replay_checks(receipt, answer.replayed)


def _refusal_here(receipt: Receipt) -> str | None:
    policy = receipt.run.policy
    if policy.env_vars:
        return f"it read the maker's secrets, which are not in a receipt. {_ASK_THE_PLATFORM}"
    if policy.resources_digest is not None:
        return f"it read the resources of its package. {_ASK_THE_PLATFORM}"
    return None


def _module(cli: CliContext, receipt: Receipt) -> bytes:
    path = f"/v1/spells/{in_path(receipt.spell)}/versions/{in_path(receipt.version)}/module"
    try:
        return cli.api.request("GET", path).content
    except CliError as error:
        if error.exit_code != ExitCode.REFUSED:
            raise
        message = (
            "The module is needed (--module FILE): the platform gives it to its maker only.\n"
            f"  {_ASK_THE_PLATFORM}"
        )
        raise CliError(message, ExitCode.REFUSED, error.document) from error


@contextmanager
def replayer() -> Iterator[Callable[[ReplayRequest], ReplayAnswer]]:
    """A process of the runner's that runs modules, in the sandbox that casts run in.

    What it compiled for one request serves the next. Asking raises CliError when the process does
    not work, or takes longer than any run may.
    """
    try:
        process = subprocess.Popen(
            [sys.executable, "-s", "-B", "-m", "runner.replay"],
            cwd=_ROOT,
            env={},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        raise _broken(error) from error
    with process:
        try:
            yield lambda request: _ask(process, request)
        finally:
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Let it end by the end of its input, so that it leaves no files; then make it."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    try:
        process.wait(_END_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()


def _ask(process: "subprocess.Popen[bytes]", request: ReplayRequest) -> ReplayAnswer:
    assert process.stdin is not None
    assert process.stdout is not None
    watchdog = Timer(_SECONDS_MAX, process.kill)
    watchdog.start()
    try:
        process.stdin.write(request.model_dump_json().encode("utf-8") + b"\n")
        process.stdin.flush()
        return ReplayAnswer.model_validate_json(process.stdout.readline())
    except (OSError, ValidationError) as error:
        raise _broken(error) from error
    finally:
        watchdog.cancel()


def _broken(error: Exception) -> CliError:
    message = f"The replay did not work on this machine ({type(error).__name__})."
    return CliError(message, ExitCode.PLATFORM)
