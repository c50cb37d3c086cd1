"""Verdicts for who must not go by what was known a moment ago: re-scans and clocks."""

from activities.supply_chain.gate import Gate
from activities.supply_chain.ports import Decisions, PackageEvidences
from schema.contracts.supply_chain import Decision
from schema.errors import SpellError


class DecidingAnew:
    """The gate on published versions, under the evidence of this very moment."""

    def __init__(self, gate: Gate, decisions: Decisions, evidences: PackageEvidences) -> None:
        self._gate = gate
        self._decisions = decisions
        self._evidences = evidences

    async def decide(self, package_digest: str) -> Decision:
        """The verdict of now on a published package; made once among all workers.

        Raises:
            SpellError: SPELL_UNVERIFIED, nothing is known of this package.
        """
        package = await self._evidences.find(package_digest)
        if package is None:
            raise SpellError("SPELL_UNVERIFIED", details={"package_digest": package_digest})
        evidence = await self._gate.evidence()
        return await self._decisions.decide_once(
            package_digest, evidence, lambda: self._gate.decide(package)
        )
