"""`spell test`: the platform's checks at publish and the spell's own tests, without a platform."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.client import CliError, ExitCode, describe_problem
from cli.context import CliContext, cli_context
from cli.packages import package_folder
from cli.replays import replayer
from cli.trials import FOLDER, Trial, fault_of, names_left, output_of, read_trials, run_trial
from cli.workflow_checks import WORKFLOWS, faults_of_workflow
from schema.canonical import canonical_json
from schema.contracts.plans import Mode
from schema.contracts.replay import Replayed
from schema.contracts.supply_chain import Severity
from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.manifest import unsupported_features
from schema.package import (
    MANIFEST_FILE,
    MODULE_FILE,
    SBOM_FILES,
    SCHEMA_FILE,
    Package,
    read_package,
)

if TYPE_CHECKING:
    from infra.schema_checker import KillableSchemaChecker


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    passed: bool
    found: str


def check_spell(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Holds manifest.toml.")
    ] = Path(),
) -> None:
    """Check a spell as the platform would at publish, and run its tests/*.json in the sandbox."""
    cli = cli_context(context)
    package = read_package(package_folder(folder))
    trials = read_trials(folder)
    with cli.output.notes.status("testing …"):
        findings = asyncio.run(_look(package, trials))
        findings += _workflow(package, folder)
    _report(cli, package, findings)


async def _look(package: Package, trials: dict[str, Trial]) -> list[Finding]:
    return [
        Finding("package", passed=True, found=package.digest),
        *_features(package),
        *_bill(package),
        *[finding async for finding in _runs(package, trials)],
    ]


def _features(package: Package) -> Iterator[Finding]:
    for error in unsupported_features(package.manifest, package.files[MANIFEST_FILE], tuple(Mode)):
        yield Finding(MANIFEST_FILE, passed=False, found=f"{error['field']} {error['message']}")


def _bill(package: Package) -> Iterator[Finding]:
    from infra.supply_chain.bills.reading import read_bill
    from schema.supply_chain.completeness import check_completeness

    name = next((name for name in SBOM_FILES if name in package.files), None)
    if name is None:
        yield Finding("sbom", passed=False, found="There is none: `spell sbom generate`.")
        return
    read = read_bill(package.files[name])
    files = {name: sha256_digest(content) for name, content in package.files.items()}
    reasons = [*read.reasons, *(check_completeness(read.bill, files) if read.bill else [])]
    refused = [reason for reason in reasons if reason.severity is Severity.REFUSE]
    for reason in refused:
        yield Finding(name, passed=False, found=f"{reason.subject or ''} {reason.message}".strip())
    if not refused and read.bill is not None:
        count, warned = len(read.bill.components), len(reasons)
        yield Finding(name, passed=True, found=f"{count} components, {warned} warnings")


def _workflow(package: Package, folder: Path) -> Iterator[Finding]:
    """The workflow file, where it is beside the spell; it may be in another repository."""
    target = package.manifest.actions()
    if target is None:
        return
    path = WORKFLOWS / target.workflow
    if not (folder / path).is_file():
        found = f"not here: {target.repo} must have it at {target.ref}"
        yield Finding(str(path), passed=True, found=found)
        return
    faults = list(faults_of_workflow(folder, target))
    for fault in faults:
        yield Finding(str(path), passed=False, found=fault)
    if not faults:
        yield Finding(str(path), passed=True, found="casts can be dispatched to it")


async def _runs(package: Package, trials: dict[str, Trial]) -> AsyncIterator[Finding]:
    """Schemas and module, and what runs of it give; nothing runs while one of them is refused."""
    from infra.module_inspector import SubprocessModuleInspector
    from infra.schema_checker import KillableSchemaChecker

    if SCHEMA_FILE not in package.files:
        return
    async with KillableSchemaChecker(children=1) as checker:
        try:
            await checker.check_schemas(package.files[SCHEMA_FILE])
            yield Finding(SCHEMA_FILE, passed=True, found="both schemas can be used")
            if package.manifest.runtime is None:
                return
            entry = package.manifest.runtime.entry
            memory = package.manifest.run_limits().memory_bytes_max
            inspector = SubprocessModuleInspector()
            _, code = await inspector.inspect(package.files[MODULE_FILE], entry, memory)
            yield Finding(MODULE_FILE, passed=True, found=f"compiles on {code.engine}")
        except SpellError as error:
            yield _refused(error)
            return
        with replayer() as ask:
            for name, trial in trials.items():
                run = partial(run_trial, ask, package, code.engine, trial)
                yield await _tried(package, checker, name, trial, run)


async def _tried(
    package: Package,
    checker: "KillableSchemaChecker",
    name: str,
    trial: Trial,
    run: Callable[[], Replayed],
) -> Finding:
    schemas, name = package.files[SCHEMA_FILE], f"{FOLDER}/{name}"
    try:
        faults = await checker.violations(schemas, "input", canonical_json(trial.inputs))
        if faults:
            found = f"inputs{faults[0].path}: {faults[0].message}"
            return Finding(name, passed=False, found=f"The platform would refuse the {found}")
        replayed = await asyncio.to_thread(run)
        fault = fault_of(trial, replayed)
        if fault is None and trial.fails is None:
            wrong = await checker.violations(schemas, "output", output_of(replayed))
            fault = f"output{wrong[0].path}: {wrong[0].message}" if wrong else None
    except SpellError as error:
        fault = error.message
    if fault is not None:
        return Finding(name, passed=False, found=fault)
    return Finding(name, passed=True, found=_as_expected(replayed))


def _as_expected(replayed: Replayed) -> str:
    found = f"as expected, fuel {replayed.usage.fuel if replayed.usage else 0:,}"
    left = names_left(replayed)
    return f"{found}, left {', '.join(left)}" if left else found


def _refused(error: SpellError) -> Finding:
    document = {"code": error.code, "message": error.message, "details": error.details}
    return Finding(error.code, passed=False, found=describe_problem(document))


def _report(cli: CliContext, package: Package, findings: list[Finding]) -> None:
    failed = [finding.name for finding in findings if not finding.passed]
    document = {
        "package_digest": package.digest,
        "passed": not failed,
        "findings": [asdict(finding) for finding in findings],
    }
    if not (failed and cli.output.as_json):
        rows = [("ok" if f.passed else "WRONG", f.name, f.found) for f in findings]
        cli.output.table(document, ("", "what", "found"), rows)
    if failed:
        message = f"The spell does not pass: {', '.join(failed)}."
        raise CliError(message, ExitCode.REFUSED, document)
