"""The supply-chain gate: every check of a package, put together to one verdict (product.md 5).

A decision rests on the package's evidence and on what it names - rules, trusted root, advisories -
and on nothing else, so that it can be made once and looked up. What may change from one moment to
the next, whom a maker lets sign and what was revoked, is the package's standing, and is asked anew.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from activities.supply_chain.policy import GatePolicy, snapshot_name
from activities.supply_chain.ports import (
    Advisories,
    AdvisoryExceptions,
    BillReader,
    LicenseRules,
    Revocations,
    SignatureVerifier,
    SigningIdentities,
)
from schema.contracts.bill import Component
from schema.contracts.supply_chain import (
    Check,
    CheckOutcome,
    Decision,
    Evidence,
    PackageEvidence,
    Reason,
    Signer,
)
from schema.errors import SpellError
from schema.supply_chain.advisory_rules import (
    advisory_reasons,
    snapshot_reasons,
    uncovered_reasons,
)
from schema.supply_chain.completeness import check_completeness
from schema.supply_chain.identities import identity_reasons
from schema.supply_chain.reasons import reason
from schema.supply_chain.shortened import shortened

_log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Gate:
    """Checks packages. A verdict is made of what content says, and of nothing else.

    A check that cannot be made says nothing of the package: it raises SpellError, whatever it
    stumbled over, so that nothing passes, no verdict is kept, and the check is made again.

    Args:
        policy: the operator's settings.
        signatures, bills, advisories, exceptions, licenses: what the checks are made with.
        identities, revocations: what a package's standing is asked of.
        now: the clock, for exceptions that end and advisories that grow old.
    """

    def __init__(
        self,
        policy: GatePolicy,
        signatures: SignatureVerifier,
        bills: BillReader,
        advisories: Advisories,
        exceptions: AdvisoryExceptions,
        licenses: LicenseRules,
        identities: SigningIdentities,
        revocations: Revocations,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._policy = policy
        self._signatures = signatures
        self._bills = bills
        self._advisories = advisories
        self._exceptions = exceptions
        self._licenses = licenses
        self._identities = identities
        self._revocations = revocations
        self._now = now
        if policy.accept_unsigned:
            _log.warning(
                "UNSIGNED PACKAGES ARE ACCEPTED: nobody vouches for what is published here. "
                "Unset SPELL_ACCEPT_UNSIGNED_PACKAGES on any platform that strangers reach."
            )

    async def evidence(self) -> Evidence:
        """What a decision that is made now rests on."""
        snapshot = await self._advisories.snapshot()
        return Evidence(
            policy=self._policy.version,
            trust_root=self._signatures.trust_root,
            snapshot=snapshot_name(snapshot.id, await self._exceptions.all_in_force()),
        )

    async def decide(self, package: PackageEvidence) -> Decision:
        """All checks of one package, and the verdict of all their reasons.

        Raises:
            SpellError: SERVICE_UNAVAILABLE; INTERNAL, a check stumbled.
        """
        outcomes = await asyncio.gather(
            self.check_signature(package),
            self.check_sbom(package),
            self.check_advisories(package),
            self.check_licenses(package),
        )
        return self.verdict(package.package_digest, outcomes)

    def verdict(self, package_digest: str, outcomes: Sequence[CheckOutcome]) -> Decision:
        """The decision that these outcomes make; it rests on what each of them went by.

        Raises:
            ValueError: one of the four checks is missing.
        """
        found = {outcome.check: outcome for outcome in outcomes}
        if not found.keys() >= _CHECKS:
            raise ValueError(f"a verdict needs {sorted(_CHECKS)}, not {sorted(found)}")
        return Decision(
            package_digest=package_digest,
            passed=not any(found[check].refuses for check in _CHECKS),
            evidence=Evidence(
                policy=self._policy.version,
                trust_root=found[Check.SIGNATURE].basis,
                snapshot=found[Check.ADVISORIES].basis,
            ),
            reasons=[each for check in Check if check in _CHECKS for each in found[check].reasons],
            signer=found[Check.SIGNATURE].signer,
        )

    async def standing(self, package: PackageEvidence, signer: Signer | None) -> list[Reason]:
        """What the moment says against a package: its maker's identities, and revocations."""
        return [
            *await self._identity_reasons(package, signer),
            *await self._revocations.reasons(package, signer),
        ]

    async def check_signature(self, package: PackageEvidence) -> CheckOutcome:
        """Who signed the package, and whether its own manifest expects them."""
        # Read before: a root that is rotated meanwhile makes a decision that nobody looks up.
        trust_root = self._signatures.trust_root

        async def check() -> CheckOutcome:
            if package.bundle is None:
                missing = reason("UNSIGNED", severity=self._policy.missing)
                return CheckOutcome(check=Check.SIGNATURE, basis=trust_root, reasons=[missing])
            found = await self._signatures.verify(package.package_digest, package.bundle)
            reasons = list(found.reasons)
            if found.signer is not None:
                reasons += identity_reasons(found.signer, package.expected, [])
            elif not reasons:
                raise _stumbled(Check.SIGNATURE)
            return CheckOutcome(
                check=Check.SIGNATURE, basis=trust_root, reasons=reasons, signer=found.signer
            )

        return await _made(Check.SIGNATURE, check)

    async def check_sbom(self, package: PackageEvidence) -> CheckOutcome:
        """Whether the bill of materials can be read, and lists what is there."""

        async def check() -> CheckOutcome:
            if package.sbom is None:
                missing = reason("SBOM_MISSING", severity=self._policy.missing)
                return CheckOutcome(check=Check.SBOM, reasons=[missing])
            read = await self._bills.read(package.sbom)
            reasons = list(read.reasons)
            if read.bill is not None:
                reasons += check_completeness(read.bill, package.files)
            elif not reasons:
                raise _stumbled(Check.SBOM)
            return CheckOutcome(check=Check.SBOM, reasons=reasons)

        return await _made(Check.SBOM, check)

    async def check_advisories(self, package: PackageEvidence) -> CheckOutcome:
        """Which known vulnerabilities the components have, and what the policy says to them."""
        snapshot = await self._advisories.snapshot()
        exceptions = await self._exceptions.all_in_force()
        basis = snapshot_name(snapshot.id, exceptions)
        policy, now = self._policy.advisories, self._now()

        async def check() -> CheckOutcome:
            # The root too: whose only component is the root could be anything.
            hits = await self._advisories.match(await self._components(package))
            others = await self._components(package, with_root=False)
            reasons = [
                *snapshot_reasons(snapshot, now, policy),
                *advisory_reasons(hits, exceptions, now, policy, spell_key=package.spell_key),
                *uncovered_reasons(await asyncio.to_thread(self._advisories.uncovered, others)),
            ]
            return CheckOutcome(check=Check.ADVISORIES, basis=basis, reasons=reasons)

        return await _made(Check.ADVISORIES, check)

    async def check_licenses(self, package: PackageEvidence) -> CheckOutcome:
        """Whether the components' licenses may be used, and go with the spell's."""

        async def check() -> CheckOutcome:
            # The root is the spell itself, whose license is the manifest's.
            components = await self._components(package, with_root=False)
            # Ten thousand expressions take a second of processor time: beside the event loop.
            reasons = await asyncio.to_thread(self._licenses.check, package.license, components)
            return CheckOutcome(check=Check.LICENSES, reasons=reasons)

        return await _made(Check.LICENSES, check)

    async def _components(
        self, package: PackageEvidence, *, with_root: bool = True
    ) -> Sequence[Component]:
        """What the bill lists; nothing when there is none, which the check of the bill tells."""
        if package.sbom is None:
            return []
        bill = (await self._bills.read(package.sbom)).bill
        if bill is None:
            return []
        return [each for each in bill.components if with_root or each.ref != bill.root]

    async def _identity_reasons(
        self, package: PackageEvidence, signer: Signer | None
    ) -> list[Reason]:
        if signer is None:
            return []
        allowed = await self._identities.allowed(package.account_id, package.spell_key)
        return identity_reasons(signer, None, allowed)


_CHECKS = frozenset({Check.SIGNATURE, Check.SBOM, Check.ADVISORIES, Check.LICENSES})


async def _made(check: Check, run: Callable[[], Awaitable[CheckOutcome]]) -> CheckOutcome:
    """The check's outcome. Whatever keeps it from being made is a failure, and no outcome."""
    try:
        outcome = await run()
        reasons = shortened(check, outcome.reasons)
        return outcome.model_copy(update={"reasons": reasons})
    except SpellError as error:
        if error.kind.retryable:
            raise
        _log.exception("the check of %s stumbled", check)
        raise _stumbled(check) from error
    except OSError as error:
        raise SpellError("SERVICE_UNAVAILABLE", retry_after=5) from error
    except Exception as error:
        _log.exception("the check of %s stumbled", check)
        raise _stumbled(check) from error


def _stumbled(check: Check) -> SpellError:
    message = f"The check of {check.value} could not be made."
    return SpellError("INTERNAL", message, details={"check": check.value})
