"""The catalogue of reasons: what each check of the gate can find, and what to do about it.

`docs/reasons.md` is generated from it. A code says what is wrong, never where: that is in the
reason's message, subject and details.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schema.contracts.supply_chain import Check, Reason, Severity
from schema.supply_chain.signature_reasons import SIGNATURE_REASONS


@dataclass(frozen=True)
class ReasonKind:
    """One row of the catalogue."""

    check: Check
    title: str
    remedy: str


_SBOM: dict[str, tuple[str, str]] = {
    "SBOM_MISSING": (
        "The package has no bill of materials.",
        "Make one: `spell sbom generate`.",
    ),
}
_ADVISORIES: dict[str, tuple[str, str]] = {}
_LICENSES: dict[str, tuple[str, str]] = {
    "SPELL_LICENSE_UNREADABLE": (
        "The spell's own license is not an SPDX expression.",
        "Write one in `spell.license` of manifest.toml, such as Apache-2.0.",
    ),
    "LICENSE_DENIED": (
        "The component's license may not be used on this platform.",
        "Replace the component, or use it under another of its licenses.",
    ),
    "LICENSE_INCOMPATIBLE": (
        "The component's license does not go with the spell's.",
        "Replace the component, or publish the spell under a license that takes it in.",
    ),
    "LICENSE_CONDITIONAL": (
        "The component's license goes with the spell's only if it is used in certain ways.",
        "Read the component's license on linking and copying.",
    ),
    "LICENSE_UNCHECKED": (
        "Nobody has compared the component's license with the spell's.",
        "Read both licenses.",
    ),
    "LICENSE_UNKNOWN": (
        "The component's license is not on SPDX's list.",
        "State an SPDX id in the bill of materials if there is one.",
    ),
    "LICENSE_UNREADABLE": (
        "The component's license is not an SPDX expression.",
        "State an SPDX expression in the bill of materials.",
    ),
    "LICENSE_MISSING": (
        "The bill of materials does not say under what license the component is.",
        "State the component's license in the bill of materials.",
    ),
}
_REVOCATIONS: dict[str, tuple[str, str]] = {}

REASONS: Mapping[str, ReasonKind] = {
    code: ReasonKind(check, title, remedy)
    for check, rows in (
        (Check.SIGNATURE, SIGNATURE_REASONS),
        (Check.SBOM, _SBOM),
        (Check.ADVISORIES, _ADVISORIES),
        (Check.LICENSES, _LICENSES),
        (Check.REVOCATIONS, _REVOCATIONS),
    )
    for code, (title, remedy) in rows.items()
}


def reason(
    code: str,
    message: str = "",
    *,
    severity: Severity = Severity.REFUSE,
    subject: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> Reason:
    """A reason with a code from the catalogue; its title is the message when none is given.

    Raises:
        KeyError: the code is not in the catalogue.
    """
    kind = REASONS[code]
    return Reason(
        check=kind.check,
        severity=severity,
        code=code,
        message=message or kind.title,
        subject=subject,
        details=dict(details or {}),
    )
