"""A spell's own tests, `tests/*.json`: inputs, and what should come of them, run in the sandbox."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from cli.client import CliError, ExitCode
from cli.files import read_file
from schema import limits
from schema.canonical import JsonRefusedError, canonical_json, parse_json
from schema.contracts.artifacts import ArtifactName
from schema.contracts.base import Contract
from schema.contracts.cast import CastStatus
from schema.contracts.receipt import ReceiptRun
from schema.contracts.replay import ReplayAnswer, Replayed, ReplayRequest
from schema.contracts.run import RunPolicy
from schema.ids import sha256_digest
from schema.package import MODULE_FILE, Package
from schema.packaging.resources import granted
from schema.packaging.tar_writing import write_tar
from schema.receipts import salted_digest

Ask = Callable[[ReplayRequest], ReplayAnswer]

FOLDER = "tests"
TRIALS_MAX = 100
_SALT = "0" * 32
# Of the form of a cast's id, and the same in each test: chance is derived from the seed.
_CAST_ID = f"cast_{'a' * 16}_{'a' * 26}"
_CLOCK_UNIX_MS = 1_767_225_600_000
_SHOWN_CHARS_MAX = 400


class Trial(Contract):
    """One file of `tests/`."""

    inputs: Any
    output: Any = None
    """The same JSON value, however it is written."""
    artifacts: Annotated[
        list[ArtifactName] | None, Field(max_length=limits.ARTIFACTS_PER_CAST_MAX)
    ] = None
    """The names of all that it should leave besides; None: whatever it leaves."""
    fails: Annotated[str, Field(max_length=64)] | None = None
    """The code that it should end with instead, such as `SPELL_FAILED`."""


def read_trials(folder: Path) -> dict[str, Trial]:
    """The tests of a spell, by file name.

    Raises:
        CliError: a file is no test, or there are more than `TRIALS_MAX`.
    """
    paths = sorted((folder / FOLDER).glob("*.json"))
    if len(paths) > TRIALS_MAX:
        raise CliError(f"{FOLDER}/ has more than {TRIALS_MAX} tests.", ExitCode.USAGE)
    return {path.name: _read(path) for path in paths}


def _read(path: Path) -> Trial:
    try:
        content = parse_json(read_file(path, bytes_max=2 * limits.INPUTS_BYTES_MAX))
        return Trial.model_validate(content)
    except JsonRefusedError as error:
        raise CliError(f"{path}: {error}", ExitCode.USAGE) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        message = f"{path}: {place}: {first['msg']}. A test has inputs, and output or fails."
        raise CliError(message, ExitCode.USAGE) from error


def run_trial(ask: Ask, package: Package, engine: str, trial: Trial) -> Replayed:
    """What comes of one test.

    Args:
        ask: of `cli.replays.replayer`.
        package: what is tested.
        engine: that compiled its module here.
        trial: one of its tests.

    Raises:
        CliError: nothing ran here.
    """
    answer = ask(_request(package, engine, trial))
    if answer.replayed is None:
        raise CliError(f"The test did not run: {answer.refusal}.", ExitCode.PLATFORM)
    return answer.replayed


def fault_of(trial: Trial, replayed: Replayed) -> str | None:
    """What came otherwise than the test says; None when it came so."""
    if trial.fails is not None:
        found = replayed.code or replayed.status.value
        return None if found == trial.fails else f"ended as {found}, not {trial.fails}"
    if replayed.status is not CastStatus.SUCCEEDED:
        said = (replayed.error_stream or "").strip()[:_SHOWN_CHARS_MAX]
        return f"ended as {replayed.code}{': ' if said else ''}{said}"
    output = output_of(replayed)
    try:
        is_same = canonical_json(parse_json(output)) == canonical_json(trial.output)
    except JsonRefusedError as error:
        return f"the output is no JSON: {error}"
    if is_same:
        return _fault_of_artifacts(trial, replayed)
    return f"the output is {output.decode('utf-8')[:_SHOWN_CHARS_MAX]}"


def _fault_of_artifacts(trial: Trial, replayed: Replayed) -> str | None:
    left = names_left(replayed)
    if trial.artifacts is None or sorted(trial.artifacts) == left:
        return None
    return f"the artifacts are {', '.join(left) or 'none'}"


def names_left(replayed: Replayed) -> list[str]:
    """What the spell left besides its output, by name."""
    return sorted(artifact.name for artifact in replayed.artifacts)


def output_of(replayed: Replayed) -> bytes:
    """What the spell wrote as its output."""
    return base64.b64decode(replayed.output_base64 or "")


def _request(package: Package, engine: str, trial: Trial) -> ReplayRequest:
    runtime, module = package.manifest.runtime, package.files[MODULE_FILE]
    assert runtime is not None
    inputs = canonical_json(trial.inputs)
    policy, archive = _resources(package)
    record = ReceiptRun(
        module_digest=sha256_digest(module),
        target=runtime.target,
        entry=runtime.entry,
        limits=package.manifest.run_limits(),
        policy=policy,
        price=package.manifest.price(),
        seed=hashlib.sha256(inputs).hexdigest(),
        clock_unix_ms=_CLOCK_UNIX_MS,
        input_digest=salted_digest(_SALT, inputs),
        salt=_SALT,
    )
    return ReplayRequest(
        cast_id=_CAST_ID,
        engine=engine,
        record=record,
        module_base64=base64.b64encode(module).decode("ascii"),
        resources_base64=base64.b64encode(archive).decode("ascii") if archive else None,
        inputs_json=inputs.decode("utf-8"),
        reveal=True,
    )


def _resources(package: Package) -> tuple[RunPolicy, bytes | None]:
    policy = package.manifest.run_policy()
    if not policy.fs_read:
        return policy, None
    archive = write_tar(granted(package.files, policy.fs_read))
    return policy.model_copy(update={"resources_digest": sha256_digest(archive)}), archive
