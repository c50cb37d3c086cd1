"""The check of licenses: fits the port `LicenseRules`."""

from collections.abc import Iterable, Iterator, Sequence

from infra.supply_chain.licenses.compatibility import Fit, fit
from infra.supply_chain.licenses.expressions import (
    Expression,
    License,
    chosen,
    licenses_in,
    parse_expression,
)
from schema.contracts.bill import Component, ComponentKind
from schema.contracts.supply_chain import Reason, Severity
from schema.supply_chain.reasons import reason

# What SPDX writes where nobody says, or says that there is none.
_NOTHING_SAID = frozenset({"", "NOASSERTION", "NONE"})
_FIT_REASONS = {
    Fit.NO: ("LICENSE_INCOMPATIBLE", Severity.REFUSE),
    Fit.DEPENDS: ("LICENSE_CONDITIONAL", Severity.WARN),
    Fit.UNKNOWN: ("LICENSE_UNCHECKED", Severity.WARN),
}


class SpdxLicenseRules:
    """Judges components' licenses by a deny list and by what goes with the spell's own.

    Args:
        denied: SPDX ids that no component may come under only.
    """

    def __init__(self, denied: Iterable[str]) -> None:
        self._denied = frozenset(_spdx_id(each).casefold() for each in denied)

    def check(self, spell_license: str, components: Sequence[Component]) -> list[Reason]:
        """Every component whose license is denied, unknown, or does not go with the spell's."""
        try:
            outbound = parse_expression(spell_license)
        except ValueError as error:
            message = f"The spell's license {_quoted(spell_license)} {error}."
            return [reason("SPELL_LICENSE_UNREADABLE", message, subject="manifest.toml")]
        return [
            found for component in components for found in self._of_component(outbound, component)
        ]

    def _of_component(self, outbound: Expression, component: Component) -> Iterator[Reason]:
        stated = component.license_concluded or ""
        if stated in _NOTHING_SAID:
            stated = component.license_declared or ""
        subject = component.purl or component.name
        if stated in _NOTHING_SAID:
            yield reason("LICENSE_MISSING", subject=subject, severity=Severity.WARN)
            return
        try:
            inbound = parse_expression(stated)
        except ValueError as error:
            message = f"The license {_quoted(stated)} {error}."
            yield reason("LICENSE_UNREADABLE", message, subject=subject, severity=Severity.WARN)
            return
        if component.kind is ComponentKind.FILE and inbound == outbound:
            # The maker's own work, which is theirs to have hosted under whatever license.
            return
        yield from self._judged(outbound, inbound, subject)

    def _judged(self, outbound: Expression, inbound: Expression, subject: str) -> Iterator[Reason]:
        allowed = chosen(inbound, self._is_allowed)
        if allowed is None:
            names = _names(each for each in licenses_in(inbound) if not self._is_allowed(each))
            message = f"{names} may not be used on this platform."
            yield reason("LICENSE_DENIED", message, subject=subject)
            return
        if chosen(allowed, lambda each: each.known) is None:
            names = _names(each for each in licenses_in(allowed) if not each.known)
            message = f"{names} is not on SPDX's list, so nothing is known of it."
            yield reason("LICENSE_UNKNOWN", message, subject=subject, severity=Severity.WARN)
            return
        found = _FIT_REASONS.get(fit(outbound, allowed))
        if found is not None:
            code, severity = found
            message = f"{_text(inbound)} inside a spell under {_text(outbound)}."
            yield reason(code, message, subject=subject, severity=severity)

    def _is_allowed(self, license_: License) -> bool:
        return license_.id.casefold() not in self._denied


def _spdx_id(name: str) -> str:
    """The id that expressions are read to: `GPL-2.0` is `GPL-2.0-only`."""
    try:
        found = parse_expression(name)
    except ValueError:
        return name
    return found.id if isinstance(found, License) else name


def _names(licenses: Iterable[License]) -> str:
    return ", ".join(dict.fromkeys(str(each) for each in licenses))


def _text(expression: Expression) -> str:
    return _names(licenses_in(expression))


def _quoted(text: str) -> str:
    """A stranger's text, cut so that a reason stays readable."""
    return repr(text[:80] + ("…" if len(text) > 80 else ""))  # noqa: PLR2004
