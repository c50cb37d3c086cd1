"""The supply-chain gate of a platform that cannot verify signatures: all or nothing, loudly."""

import logging

from schema.contracts.publish import InspectedPackage
from schema.contracts.supply_chain import Decision, Evidence, Severity
from schema.supply_chain.reasons import reason

_log = logging.getLogger(__name__)

ACCEPT_POLICY = "local:unsigned-accepted"
REFUSE_POLICY = "unsigned-refused"


class UnsignedGate:
    """Accepts every package, or refuses every package. Fits the port `SupplyChainGate`.

    Args:
        accept: SPELL_ACCEPT_UNSIGNED_PACKAGES; true on the local platform only.
    """

    def __init__(self, *, accept: bool) -> None:
        self._accept = accept
        if accept:
            _log.warning(
                "UNSIGNED PACKAGES ARE ACCEPTED: nobody vouches for what is published here. "
                "Unset SPELL_ACCEPT_UNSIGNED_PACKAGES on any platform that strangers reach."
            )

    async def decide(self, package: InspectedPackage) -> Decision:
        """The same verdict for every package, saying that nothing was verified."""
        if self._accept:
            _log.warning("accepted without a signature: %s", package.package_digest)
        policy = ACCEPT_POLICY if self._accept else REFUSE_POLICY
        severity = Severity.WARN if self._accept else Severity.REFUSE
        return Decision(
            package_digest=package.package_digest,
            passed=self._accept,
            evidence=Evidence(policy=policy, trust_root="none", snapshot="none"),
            reasons=[reason("UNSIGNED", severity=severity)],
        )
