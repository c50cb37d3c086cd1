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
    "SBOM_TOO_LARGE": (
        "The bill of materials is larger than the platform reads.",
        "List what the package holds and depends on, and leave out the rest.",
    ),
    "SBOM_TOO_EXPENSIVE": (
        "The bill of materials takes too much time or memory to check.",
        "Make it simpler: fewer components, fewer relationships.",
    ),
    "SBOM_MALFORMED": (
        "The bill of materials is not strict JSON.",
        "Write it as UTF-8 without a byte order mark, with each name once in an object.",
    ),
    "SBOM_FORMAT_UNKNOWN": (
        "The file is no bill of materials that the platform knows.",
        "Use CycloneDX 1.4 to 1.7 or SPDX 2.2 or 2.3, as JSON.",
    ),
    "SBOM_FORMAT_UNSUPPORTED": (
        "The bill of materials is in a format or version that the platform does not take.",
        "Use CycloneDX 1.4 to 1.7 or SPDX 2.2 or 2.3, as JSON.",
    ),
    "SBOM_INVALID": (
        "The bill of materials breaks the rules of its format.",
        "Mend what the message names, or make it anew: `spell sbom generate`.",
    ),
    "SBOM_UNSUPPORTED": (
        "The bill of materials is valid, and says something that the platform cannot read.",
        "Leave out what the message names.",
    ),
    "SBOM_MISNAMED": (
        "The bill of materials has the file name of another format.",
        "Name SPDX `sbom.spdx.json`, and CycloneDX `sbom.cdx.json`.",
    ),
    "SBOM_ROOT_MISSING": (
        "The bill of materials does not say what it is about.",
        "Name one: CycloneDX `metadata.component`, SPDX one `DESCRIBES` of the document.",
    ),
    "SBOM_FILE_UNCOVERED": (
        "The bill of materials does not list a packaged file with its SHA-256.",
        "Add it as a file with its SHA-256, or run `spell sbom generate`.",
    ),
    "SBOM_FILE_DIFFERS": (
        "The bill of materials lists a packaged file with another SHA-256.",
        "Make the bill after the last change: `spell sbom generate`.",
    ),
    "SBOM_DEPENDENCY_UNRESOLVED": (
        "The bill of materials names a dependency that is none of its components.",
        "Add the component, or remove the dependency.",
    ),
    "SBOM_NAME_MISSING": (
        "A component has no name.",
        "Name it as its ecosystem does.",
    ),
    "SBOM_VERSION_MISSING": (
        "A component has no version.",
        "State the version that was built in; advisories are matched by it.",
    ),
    "SBOM_PURL_MISSING": (
        "A component has no package URL.",
        "State where it comes from as a purl; advisories are matched by it.",
    ),
    "SBOM_PURL_INVALID": (
        "A component's package URL is none.",
        "Write it as `pkg:type/namespace/name@version`.",
    ),
    "SBOM_HASH_MISSING": (
        "A component has no hash.",
        "State its SHA-256, as the lock file has it.",
    ),
    "SBOM_SUPPLIER_MISSING": (
        "A component has no supplier.",
        "State who supplies it.",
    ),
    "SBOM_MORE": (
        "The bill of materials has more faults than are told.",
        "Mend those that are told, and check it again: `spell sbom validate`.",
    ),
}
_ADVISORIES: dict[str, tuple[str, str]] = {
    "ADVISORY_CRITICAL": (
        "A component has a vulnerability that policy refuses.",
        "Upgrade it to a version named in `fixed_in`, or ask the operator for an exception.",
    ),
    "ADVISORY_MODERATE": (
        "A component has a vulnerability that policy warns of.",
        "Upgrade it to a version named in `fixed_in`.",
    ),
    "ADVISORY_LOW": (
        "A component has a vulnerability with a low score.",
        "Upgrade it when you next publish.",
    ),
    "ADVISORY_UNSCORED": (
        "A component has a vulnerability that no source scores.",
        "Read the advisory, and upgrade to a version named in `fixed_in`.",
    ),
    "MALICIOUS_PACKAGE": (
        "A component is malware.",
        "Remove it, and treat every machine that installed it as taken over.",
    ),
    "UNPARSEABLE_VERSION": (
        "Whether a component has a vulnerability cannot be decided: its version has no order.",
        "Write the component's exact, released version into the bill of materials.",
    ),
    "NO_ADVISORIES": (
        "No advisories were imported, so components were matched with nothing.",
        "An operator imports them: `spell advisories import`.",
    ),
    "ADVISORIES_STALE": (
        "The advisories are old.",
        "An operator looks why their import does not run: `spell advisories status`.",
    ),
    "ADVISORIES_UNCOVERED": (
        "No advisories cover the ecosystem of a component.",
        "Write its purl with the type of its registry, such as pypi, npm, cargo or golang.",
    ),
    "ADVISORIES_MORE": (
        "The components have more vulnerabilities than are told.",
        "Upgrade the components that are named, and scan again: `spell advisories scan`.",
    ),
}
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
    "LICENSES_MORE": (
        "There is more to say of the components' licenses than is told.",
        "Look at the licenses that are named first.",
    ),
}
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

    Names in it are strangers' words, and it is shown on terminals: control characters are escaped.

    Raises:
        KeyError: the code is not in the catalogue.
    """
    kind = REASONS[code]
    return Reason(
        check=kind.check,
        severity=severity,
        code=code,
        message=_escaped(message or kind.title),
        subject=None if subject is None else _escaped(subject),
        details=dict(details or {}),
    )


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    shown = (each if each.isprintable() else _escape(each) for each in text)
    return "".join(shown)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
