"""The gate's own settings, and the version that decisions name them by."""

import json
from collections.abc import Sequence

from schema.contracts.advisories import AdvisoryPolicy
from schema.contracts.base import Contract
from schema.contracts.supply_chain import AdvisoryException, Severity
from schema.ids import sha256_digest

RULES_VERSION = "2026-11-25.1"
"""Of the rules in code. Raise it with every change that could turn a verdict around."""

_SHOWN = 12


class GatePolicy(Contract):
    """What an operator decides about the gate.

    Args:
        accept_unsigned: SPELL_ACCEPT_UNSIGNED_PACKAGES; true on platforms without strangers only.
        advisories: which scores refuse and warn.
        settings: everything else that a verdict depends on, such as the licenses denied.
    """

    accept_unsigned: bool = False
    advisories: AdvisoryPolicy = AdvisoryPolicy()
    settings: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """Names rules and settings: another one, another decision."""
        unsigned = "unsigned-accepted" if self.accept_unsigned else "signed-only"
        rest = _short([self.advisories.version, *sorted(self.settings)])
        return f"{RULES_VERSION}/{unsigned}/{rest}"

    @property
    def missing(self) -> Severity:
        """What a missing signature or bill of materials does."""
        return Severity.WARN if self.accept_unsigned else Severity.REFUSE


def snapshot_name(snapshot: str, exceptions: Sequence[AdvisoryException]) -> str:
    """The advisory snapshot, and which exceptions were heeded: both are what a verdict rests on."""
    if not exceptions:
        return snapshot
    stated = sorted(each.model_dump_json() for each in exceptions)
    return f"{snapshot}+{_short(stated)}"


def _short(values: Sequence[str]) -> str:
    return sha256_digest(json.dumps(values).encode()).removeprefix("sha256:")[:_SHOWN]
