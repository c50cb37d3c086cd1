"""Whether a bill of materials says all that the gate needs of a package.

Pure: from the bill and the digests of the packaged files to reasons. Every packaged file must be
listed with its SHA-256, so that nothing travels under a bill that does not know it.
"""

from collections.abc import Callable, Iterator, Mapping

from schema.contracts.base import Contract
from schema.contracts.bill import Bill, Component, ComponentKind
from schema.contracts.supply_chain import Reason, Severity
from schema.ids import Digest
from schema.packaging.names import LICENSE_FILE, README_FILE, SBOM_FAMILIES
from schema.supply_chain.purls import purl_fault
from schema.supply_chain.reasons import reason

UNCOVERED_FILES = frozenset({*SBOM_FAMILIES, README_FILE, LICENSE_FILE})
"""Files that no bill need list: itself, which cannot hold its own hash, and texts for people."""

REFS_TOLD_MAX = 10

# No registry knows these, so they have neither version nor purl.
_UNREGISTERED = frozenset({ComponentKind.FILE, ComponentKind.SERVICE})


class BillPolicy(Contract):
    """What components must state; None asks for nothing."""

    version: Severity | None = Severity.REFUSE
    purl: Severity | None = Severity.REFUSE
    hash: Severity | None = Severity.WARN
    supplier: Severity | None = Severity.WARN


DEFAULT_POLICY = BillPolicy()
"""Advisories need purl and version; not every lock file has hashes, and few name suppliers."""


def files_to_list(files: Mapping[str, Digest]) -> dict[str, Digest]:
    """The packaged files that a bill must list, in the order of their names."""
    return {name: files[name] for name in sorted(files) if name not in UNCOVERED_FILES}


def check_completeness(
    bill: Bill, files: Mapping[str, Digest], policy: BillPolicy = DEFAULT_POLICY
) -> list[Reason]:
    """Everything that the bill leaves out; empty when it is complete.

    Args:
        bill: what the reader made of the packaged document.
        files: digest of every packaged file, by name.
        policy: what components must state, and how bad it is when they do not.
    """
    reasons = [
        *_name_faults(bill, files),
        *_root_faults(bill),
        *_file_faults(bill, files),
        *_dependency_faults(bill),
    ]
    for component in bill.components:
        if component.ref != bill.root:
            reasons.extend(_component_faults(component, policy))
    return reasons


def _root_faults(bill: Bill) -> Iterator[Reason]:
    roots = [component for component in bill.components if component.ref == bill.root]
    if not roots:
        yield reason("SBOM_ROOT_MISSING")
    elif not roots[0].name.strip():
        yield reason("SBOM_NAME_MISSING", subject=bill.root)


def _name_faults(bill: Bill, files: Mapping[str, Digest]) -> Iterator[Reason]:
    for name, family in SBOM_FAMILIES.items():
        if name in files and bill.format.family is not family:
            message = f"The file {name} holds {bill.format}."
            yield reason("SBOM_MISNAMED", message, subject=name)


def _file_faults(bill: Bill, files: Mapping[str, Digest]) -> Iterator[Reason]:
    known = {component.hashes.get("sha256", "").lower() for component in bill.components}
    listed = {
        component.name.removeprefix("./"): component.hashes["sha256"]
        for component in bill.components
        if component.kind is ComponentKind.FILE and "sha256" in component.hashes
    }
    for name, digest in files_to_list(files).items():
        expected = digest.removeprefix("sha256:")
        if expected in known:
            continue
        if name in listed:
            details = {"packaged": expected, "listed": listed[name]}
            yield reason("SBOM_FILE_DIFFERS", subject=name, details=details)
        else:
            yield reason("SBOM_FILE_UNCOVERED", subject=name, details={"sha256": expected})


def _dependency_faults(bill: Bill) -> Iterator[Reason]:
    """One reason for each component, whatever it depends on: a bill may name a million refs."""
    refs = {component.ref for component in bill.components}
    for component in bill.components:
        missing = [ref for ref in component.depends_on if ref not in refs]
        if missing:
            others = f" and {len(missing) - 1:,} more" if missing[1:] else ""
            needed = f"{missing[0]!r}{others}"
            yield reason(
                "SBOM_DEPENDENCY_UNRESOLVED",
                f"{_subject(component)} depends on {needed}, which is not listed.",
                subject=_subject(component),
                details={"refs": missing[:REFS_TOLD_MAX]},
            )


def _component_faults(component: Component, policy: BillPolicy) -> Iterator[Reason]:
    subject = _subject(component)
    if not component.name.strip():
        yield reason("SBOM_NAME_MISSING", subject=subject)
    for code, severity, is_missing in _MEMBERS:
        asked = severity(policy)
        if asked is not None and is_missing(component):
            yield reason(code, severity=asked, subject=subject)
    fault = purl_fault(component.purl) if component.purl else None
    if fault is not None and policy.purl is not None:
        message = f"The package URL {component.purl!r} {fault}."
        yield reason("SBOM_PURL_INVALID", message, severity=policy.purl, subject=subject)


_Asked = Callable[[BillPolicy], Severity | None]
_Missing = Callable[[Component], bool]
_MEMBERS: tuple[tuple[str, _Asked, _Missing], ...] = (
    (
        "SBOM_VERSION_MISSING",
        lambda policy: policy.version,
        lambda component: not component.version and component.kind not in _UNREGISTERED,
    ),
    (
        "SBOM_PURL_MISSING",
        lambda policy: policy.purl,
        lambda component: not component.purl and component.kind not in _UNREGISTERED,
    ),
    (
        "SBOM_HASH_MISSING",
        lambda policy: policy.hash,
        lambda component: not component.hashes and component.kind is not ComponentKind.SERVICE,
    ),
    (
        "SBOM_SUPPLIER_MISSING",
        lambda policy: policy.supplier,
        lambda component: not component.supplier and component.kind is not ComponentKind.FILE,
    ),
)


def _subject(component: Component) -> str:
    return component.purl or component.name.strip() or component.ref
