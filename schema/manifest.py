"""manifest.toml: what a maker says about one version of a spell.

    manifest = parse_manifest(source)      # SpellError(MANIFEST_INVALID) lists every error
    most = manifest.worst_cases()         # micros, by mode

The reference is docs/package.md. `unsupported_features` is apart from parsing: a manifest may be
right and ask for what this version of the platform cannot grant yet.
"""

import tomllib
from collections.abc import Collection
from typing import Any, Literal

from pydantic import ValidationError

from schema.contracts.base import Contract
from schema.contracts.plans import (
    ActionsLimits,
    ActionsTarget,
    CloneOffer,
    Mode,
    worst_cases_of,
)
from schema.contracts.run import RunLimits, RunPolicy, Target
from schema.limits import MANIFEST_BYTES_MAX, MIB, RUN_LEAVES_MB_MAX
from schema.packaging.manifest_errors import (
    FieldError,
    field_error,
    manifest_invalid,
    section_errors,
    syntax_error,
)
from schema.packaging.manifest_modes import offer_rules, price_rules, section_rules
from schema.packaging.manifest_sections import (
    CloneSection,
    ExecutionSection,
    InputOutputSection,
    MetadataSection,
    PolicySection,
    RuntimeSection,
    SpellSection,
    SupplyChainSection,
    WorkflowSection,
)
from schema.packaging.toml_lines import Path, TomlTooDeepError, member_lines
from schema.pricing import (
    FlatPrice,
    FreePrice,
    MeteredPrice,
    OneTimePrice,
    Price,
    UnitPrices,
)


class Manifest(Contract):
    """A manifest that fits every rule."""

    manifest_version: Literal[1]
    spell: SpellSection
    execution: ExecutionSection
    runtime: RuntimeSection | None = None
    io: InputOutputSection = InputOutputSection()
    pricing: Price
    supply_chain: SupplyChainSection = SupplyChainSection()
    metadata: MetadataSection = MetadataSection()

    def modes(self) -> list[Mode]:
        """The modes that the spell offers, its first choice before the others."""
        sections = {
            Mode.SERVICE: self.runtime,
            Mode.WORKFLOW: self.execution.workflow,
            Mode.CLONE: self.execution.clone,
        }
        offered = [mode for mode, section in sections.items() if section is not None]
        return sorted(offered, key=lambda mode: mode is not self.execution.mode)

    def actions(self) -> ActionsTarget | None:
        """The GitHub Actions workflow that casts run; None when mode workflow is not offered."""
        section = self.execution.workflow
        if section is None:
            return None
        return ActionsTarget(
            repo=section.repo,
            workflow=section.workflow,
            ref=section.ref,
            dispatch=section.dispatch,
            limits=ActionsLimits(
                timeout_ms=section.timeout_ms,
                artifact_bytes_max=section.max_artifact_mb * MIB,
            ),
        )

    def clone(self) -> CloneOffer | None:
        """The template that can be bought, with its price; None when mode clone is not offered."""
        section = self.execution.clone
        if section is None:
            return None
        return CloneOffer(
            template_repo=section.template_repo,
            license_url=section.license_url,
            price=section.pricing or self.pricing,
        )

    def worst_cases(self) -> dict[Mode, int]:
        """What each mode can cost at most: a cast, or the copy."""
        limits = self.run_limits() if self.runtime is not None else None
        return worst_cases_of(self.pricing, limits, self.actions(), self.clone())

    def run_limits(self) -> RunLimits:
        """The bounds of one run in the runner.

        Raises:
            ValueError: the spell does not offer mode `service`, so nothing runs in the runner.
        """
        runtime = self._service_runtime()
        net, written = bool(runtime.policy.net_allow), runtime.policy.fs_write
        return RunLimits(
            fuel=runtime.fuel,
            timeout_ms=runtime.timeout_ms,
            cpu_ms_max=min(runtime.max_cpu_ms or runtime.timeout_ms, runtime.timeout_ms),
            memory_bytes_max=runtime.max_memory_mb * MIB,
            output_bytes_max=runtime.max_output_mb * MIB,
            host_calls_max=runtime.max_host_calls,
            scratch_bytes_max=runtime.max_scratch_mb * MIB if "scratch" in written else 0,
            artifacts_bytes_max=runtime.max_artifacts_mb * MIB if "artifacts" in written else 0,
            net_requests_max=runtime.max_net_requests if net else 0,
            net_bytes_max=runtime.max_net_mb * MIB if net else 0,
        )

    def run_policy(self) -> RunPolicy:
        """What one run may reach; without the digest of its resources, which the files have.

        A run is deterministic unless the manifest says otherwise or it uses the network.

        Raises:
            ValueError: the spell does not offer mode `service`.
        """
        runtime = self._service_runtime()
        chosen = runtime.deterministic
        return RunPolicy(
            deterministic=not runtime.policy.net_allow if chosen is None else chosen,
            retry_safe=runtime.retry_safe,
            net_allow=runtime.policy.net_allow,
            env_vars=runtime.policy.env_vars,
            fs_read=runtime.policy.fs_read,
            scratch="scratch" in runtime.policy.fs_write,
        )

    def _service_runtime(self) -> RuntimeSection:
        if self.runtime is None:
            raise ValueError("a spell without mode service does not run in the runner")
        return self.runtime

    def price(self) -> Price:
        """What a cast costs."""
        return self.pricing


def parse_manifest(source: bytes) -> Manifest:
    """Read a manifest.toml.

    Raises:
        SpellError: MANIFEST_INVALID; `details.errors` has line, field and message of each error.
    """
    text = _decoded(source)
    lines = _lines(text)
    document = _document(text)
    errors = [field_error(path, message, lines) for path, message in section_rules(document)]
    try:
        manifest = Manifest.model_validate(document, strict=True)
    except ValidationError as error:
        raise manifest_invalid(section_errors(error, _KNOWN, lines) + errors) from error
    rules = [
        *offer_rules(manifest.execution, manifest.modes()),
        *price_rules(manifest.pricing, manifest.execution, manifest.worst_cases()),
        *_runtime_rules(manifest),
        *_signer_rules(manifest),
    ]
    errors += [field_error(path, message, lines) for path, message in rules]
    if errors:
        raise manifest_invalid(errors)
    return manifest


def unsupported_features(
    manifest: Manifest, source: bytes, granted: Collection[Mode]
) -> list[FieldError]:
    """What this installation cannot grant, with the lines of the source."""
    lines = member_lines(source.decode("utf-8"))
    sections: dict[Mode, Path] = {
        Mode.SERVICE: ("runtime",),
        Mode.WORKFLOW: ("execution", "workflow"),
        Mode.CLONE: ("execution", "clone"),
    }
    return [
        field_error(sections[mode], f"mode {mode} is not granted on this installation", lines)
        for mode in manifest.modes()
        if mode not in granted
    ]


def _decoded(source: bytes) -> str:
    if len(source) > MANIFEST_BYTES_MAX:
        raise manifest_invalid([_whole(None, f"is larger than {MANIFEST_BYTES_MAX} bytes")])
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise manifest_invalid([_whole(line, "is not valid UTF-8")]) from error


def _lines(text: str) -> dict[Path, int]:
    try:
        return member_lines(text)
    except TomlTooDeepError as error:
        raise manifest_invalid([_whole(error.line, "is nested too deep")]) from error


def _document(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise manifest_invalid([syntax_error(error, text)]) from error
    except ValueError as error:
        # Python's own bound on the digits of a number, which tomllib lets through as it is.
        raise manifest_invalid([_whole(None, "holds a number that is too long")]) from error


def _whole(line: int | None, message: str) -> FieldError:
    return FieldError(line=line, field="", message=message)


def _runtime_rules(manifest: Manifest) -> list[tuple[Path, str]]:
    runtime = manifest.runtime
    if runtime is None:
        return []
    rules: list[tuple[Path, str]] = []
    if runtime.deterministic and runtime.policy.net_allow:
        message = "cannot be true with net_allow: what the network answers does not replay"
        rules.append((("runtime", "deterministic"), message))
    if runtime.retry_safe and not runtime.policy.net_allow:
        rules.append((("runtime", "retry_safe"), "goes only with net_allow"))
    left_mb = runtime.max_output_mb + runtime.max_artifacts_mb
    if "artifacts" in runtime.policy.fs_write and left_mb > RUN_LEAVES_MB_MAX:
        message = f"with max_output_mb must be at most {RUN_LEAVES_MB_MAX}: they travel together"
        rules.append((("runtime", "max_artifacts_mb"), message))
    if runtime.target is Target.COMPONENT:
        rules += _component_rules(runtime)
    return rules


def _component_rules(runtime: RuntimeSection) -> list[tuple[Path, str]]:
    rules: list[tuple[Path, str]] = []
    if runtime.entry == _CORE_ENTRY:
        message = "must name what a cast calls: a function such as cast, or wasi:cli/run"
        rules.append((("runtime", "entry"), message))
    for name in _CORE_POLICIES:
        if getattr(runtime.policy, name):
            message = (
                f"goes only with target {Target.CORE}: components have no files and no network"
            )
            rules.append((("runtime", "policy", name), message))
    return rules


def _signer_rules(manifest: Manifest) -> list[tuple[Path, str]]:
    """A signer is somebody whom an issuer vouches for: one without the other says nothing."""
    section = manifest.supply_chain
    stated = [name for name in ("identity", "repository", "ref") if getattr(section, name)]
    if section.issuer is None:
        message = "needs supply_chain.issuer beside it: who vouches for the signer"
        return [(("supply_chain", name), message) for name in stated]
    if not (section.identity or section.repository):
        message = "needs supply_chain.identity or supply_chain.repository beside it: who signs"
        return [(("supply_chain", "issuer"), message)]
    return []


def _members(section: type[Contract]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _prices(path: Path) -> dict[Path, list[str]]:
    return {
        (*path, "flat"): _members(FlatPrice),
        (*path, "metered"): _members(MeteredPrice),
        (*path, "metered", "unit_micros"): _members(UnitPrices),
        (*path, "one_time"): _members(OneTimePrice),
        (*path, "free"): _members(FreePrice),
    }


# What a manifest that names no entry has: the entry of core modules.
_CORE_ENTRY = RuntimeSection.model_fields["entry"].default
_CORE_POLICIES = ("fs_read", "fs_write", "net_allow")

_KNOWN: dict[Path, list[str]] = {
    (): _members(Manifest),
    ("spell",): _members(SpellSection),
    ("execution",): _members(ExecutionSection),
    ("execution", "workflow"): _members(WorkflowSection),
    ("execution", "clone"): _members(CloneSection),
    ("runtime",): _members(RuntimeSection),
    ("runtime", "policy"): _members(PolicySection),
    ("io",): _members(InputOutputSection),
    **_prices(("pricing",)),
    **_prices(("execution", "clone", "pricing")),
    ("supply_chain",): _members(SupplyChainSection),
    ("metadata",): _members(MetadataSection),
}
