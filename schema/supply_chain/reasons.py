"""The catalogue of reasons: what each check of the gate can find, and what to do about it.

`docs/supply-chain.md` shows it as a table. A code says what is wrong, never where: that is in the
reason's message, subject and details.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schema.contracts.supply_chain import Check, Reason, Severity


@dataclass(frozen=True)
class ReasonKind:
    """One row of the catalogue."""

    check: Check
    title: str
    remedy: str


_SIGNATURE: dict[str, tuple[str, str]] = {
    "UNSIGNED": (
        "The package is not signed.",
        "Sign it: `spell sign`, or publish from the workflow template.",
    ),
    "BUNDLE_MALFORMED": (
        "The signature is not a Sigstore bundle.",
        "Send the file that `spell sign` wrote, unchanged.",
    ),
}
_SBOM: dict[str, tuple[str, str]] = {
    "SBOM_MISSING": (
        "The package has no bill of materials.",
        "Make one: `spell sbom generate`.",
    ),
}
_ADVISORIES: dict[str, tuple[str, str]] = {}
_LICENSES: dict[str, tuple[str, str]] = {}
_REVOCATIONS: dict[str, tuple[str, str]] = {
    "REVOKED_DIGEST": (
        "The package, or the module in it, was revoked.",
        "Publish a version with other content, and ask the operator what was wrong with this one.",
    ),
    "REVOKED_IDENTITY": (
        "The identity that signed the package was revoked.",
        "Sign with another identity, and register it.",
    ),
    "REVOKED_KEY": (
        "The key that signed the package was revoked.",
        "Sign again: `spell sign` makes a new key each time.",
    ),
    "REVOKED_SPELL": (
        "The whole spell was revoked.",
        "Ask the operator; versions of it are refused until the revocation is lifted.",
    ),
}

REASONS: Mapping[str, ReasonKind] = {
    code: ReasonKind(check, title, remedy)
    for check, rows in (
        (Check.SIGNATURE, _SIGNATURE),
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
