"""Which version a cast runs, and whether it may: state, verdict, consent. One round trip."""

from typing import Any, Protocol

from sqlalchemy import text

from infra.postgres import Database
from schema.contracts.cast import CastInput, PlannedCast
from schema.contracts.plans import (
    ActionsPlan,
    ActionsTarget,
    CastPlan,
    CloneOffer,
    Mode,
    RunPlan,
)
from schema.contracts.purchases import PurchaseInput, PurchaseOffer
from schema.contracts.run import RunLimits, RunPolicy
from schema.contracts.supply_chain import Decision, Evidence, Reason
from schema.errors import SpellError
from schema.ids import LATEST
from schema.mode_choice import ALL_MODES, ModePolicy, Offer, check_sold, choose_mode
from schema.pricing import cost_of_copy
from schema.supply_chain.casting_rules import in_grace, refusals_of
from schema.supply_chain.widening import Terms, least_widenings

_FIND_VERSION = text(
    "SELECT v.version, v.package_digest, v.module_digest, v.target, v.entry, v.mode, v.limits,"
    " v.policy, v.price, v.schemas, v.modes, v.fallback, v.actions, v.clone, v.state,"
    " s.account_id AS maker, s.visibility, d.passed,"
    " CASE WHEN d.passed THEN NULL ELSE d.reasons END AS reasons,"
    " (SELECT m.modes FROM account_modes m WHERE m.account_id = :account_id) AS account_modes,"
    " EXISTS (SELECT 1 FROM spell_suspensions WHERE spell_key = s.key AND lifted_at IS NULL)"
    "  AS suspended,"
    " (SELECT details FROM revoked_versions r WHERE r.spell_key = v.spell_key"
    "  AND r.version = v.version LIMIT 1) AS revoked,"
    " CASE WHEN CAST(:version AS text) IS NULL THEN ("
    "  SELECT jsonb_agg(jsonb_build_object("
    "   'limits', agreed.limits, 'policy', agreed.policy, 'actions', agreed.actions,"
    "   'price', agreed.price))"
    "  FROM consents c JOIN spell_versions agreed USING (spell_key, version)"
    "  WHERE c.account_id = :account_id AND c.spell_key = :key) END AS agreed"
    " FROM spells s JOIN spell_versions v ON v.spell_key = s.key AND v.version = CASE"
    "  WHEN CAST(:version AS text) IS NOT NULL THEN :version"
    "  WHEN :alias = 'latest' THEN (SELECT n.version FROM spell_versions n"
    "   WHERE n.spell_key = :key AND n.state = 'published' AND n.version NOT LIKE '%-%'"
    "   ORDER BY version_numbers(n.version) DESC LIMIT 1)"
    "  ELSE (SELECT a.version FROM spell_aliases a"
    "   WHERE a.spell_key = :key AND a.alias = :alias) END"
    " LEFT JOIN verification_decisions d ON d.package_digest = v.package_digest"
    "  AND d.policy = :policy AND d.trust_root = :trust_root AND d.snapshot = :snapshot"
    " WHERE s.key = :key"
)
_SCHEMAS = text("SELECT schemas FROM spell_versions WHERE spell_key = :key AND version = :version")
_CLOSED_STATES = {
    "yanked": "SPELL_YANKED",
    "suspended": "SPELL_SUSPENDED",
    "delisted": "SPELL_DELISTED",
}


class Verdicts(Protocol):
    """The supply-chain gate, as casts need it."""

    async def evidence(self) -> Evidence:
        """What a verdict of now rests on, known without asking."""

    async def decide(self, package_digest: str) -> Decision:
        """The verdict of now, made if it is not there."""


class CastableVersions:
    """Finds what casts run.

    Args:
        database: hands out connections.
        verdicts: on packages; a version is cast only with the one of now.
        modes: which of them this installation allows, and is set up for.
    """

    def __init__(
        self, database: Database, verdicts: Verdicts, modes: ModePolicy = ALL_MODES
    ) -> None:
        self._database = database
        self._modes = modes
        self._verdicts = verdicts

    async def find_plan(self, request: CastInput) -> tuple[PlannedCast, bytes]:
        """What the version to cast runs, and its schema.json; raises SpellError when there is none.

        One round trip where the verdict of now is there, which it is from the second cast on.
        """
        row = await self._visible(request)
        _check_state(row, request)
        planned = self._planned(row, request)
        await self._check_verdict(row, request)
        _check_consent(row, request)
        return planned, bytes(row.schemas)

    async def find_offer(self, request: PurchaseInput) -> PurchaseOffer:
        """The template that is bought, under the same rules as a cast.

        Raises:
            SpellError: SPELL_NOT_SOLD, or why the version cannot be cast either.
        """
        row = await self._visible(request)
        _check_state(row, request)
        check_sold(Offer(modes=row.modes, fallback=row.fallback), self._modes_of(row))
        await self._check_verdict(row, request)
        clone = CloneOffer.model_validate(row.clone)
        return PurchaseOffer(
            version=row.version,
            package_digest=row.package_digest,
            maker_account_id=row.maker,
            template_repo=clone.template_repo,
            license_url=clone.license_url,
            currency=clone.price.currency,
            price_micros=cost_of_copy(clone.price),
        )

    async def _visible(self, request: CastInput | PurchaseInput) -> Any:
        """The version asked for. Raises SpellError: SPELL_NOT_FOUND, for others' private ones."""
        row = await self._find_version(request)
        if row is None or (row.visibility == "private" and row.maker != request.account_id):
            raise SpellError(
                "SPELL_NOT_FOUND",
                details={"spell": request.spell_key, "version": request.version},
            )
        return row

    def _modes_of(self, row: Any) -> ModePolicy:
        """What the installation and the account let spells do."""
        return self._modes.within(row.account_modes and [Mode(mode) for mode in row.account_modes])

    def _planned(self, row: Any, request: CastInput) -> PlannedCast:
        offer = Offer(modes=row.modes, fallback=row.fallback)
        choice = choose_mode(offer, request.mode, self._modes_of(row))
        return PlannedCast(
            plan=_PLANS[choice.mode](row, request),
            fallback=_PLANS[choice.fallback](row, request) if choice.fallback else None,
            fell_back=choice.fell_back,
        )

    async def _find_version(self, request: CastInput | PurchaseInput) -> Any:
        """The version that the request names or its alias leads to; None when there is none."""
        wanted = request.version or LATEST
        is_version = wanted[0].isdigit()
        parameters = {
            "key": request.spell_key,
            "version": wanted if is_version else None,
            "alias": None if is_version else wanted,
            "account_id": request.account_id,
            **(await self._verdicts.evidence()).model_dump(),
        }
        async with self._database.reading() as connection:
            return (await connection.execute(_FIND_VERSION, parameters)).one_or_none()

    async def _check_verdict(self, row: Any, request: CastInput | PurchaseInput) -> None:
        """Refuse what did not pass; a verdict that is missing is made first."""
        if row.passed:
            return
        if row.passed is None:
            decision = await self._verdicts.decide(row.package_digest)
            passed, reasons = decision.passed, decision.reasons
        else:
            passed, reasons = False, [Reason.model_validate(each) for each in row.reasons]
        if not passed and not in_grace(reasons):
            details = {
                "spell": request.spell_key,
                "version": row.version,
                "reasons": [each.model_dump(mode="json") for each in refusals_of(reasons)],
            }
            raise SpellError("SPELL_UNVERIFIED", details=details)

    async def schemas_of(self, plan: CastPlan) -> bytes:
        """The schema.json of the planned version."""
        async with self._database.reading() as connection:
            parameters = {"key": plan.spell_key, "version": plan.version}
            return bytes((await connection.execute(_SCHEMAS, parameters)).scalar_one())


def _check_state(row: Any, request: CastInput | PurchaseInput) -> None:
    details = {"spell": request.spell_key, "version": row.version}
    if row.revoked is not None:
        raise SpellError("SPELL_REVOKED", details={**details, **row.revoked})
    if row.suspended:
        raise SpellError("SPELL_SUSPENDED", details=details)
    if row.state in _CLOSED_STATES:
        raise SpellError(_CLOSED_STATES[row.state], details=details)


def _run_plan(row: Any, request: CastInput) -> CastPlan:
    limits = RunLimits.model_validate(row.limits)
    return RunPlan(
        spell_key=request.spell_key,
        version=row.version,
        package_digest=row.package_digest,
        module_digest=row.module_digest,
        target=row.target,
        entry=row.entry,
        limits=request.limits.tighten(limits) if request.limits else limits,
        policy=RunPolicy.model_validate(row.policy),
        price=row.price,
        maker_account_id=row.maker,
    )


def _actions_plan(row: Any, request: CastInput) -> CastPlan:
    target = ActionsTarget.model_validate(row.actions)
    limits = target.limits
    return ActionsPlan(
        mode=Mode.WORKFLOW,
        spell_key=request.spell_key,
        version=row.version,
        package_digest=row.package_digest,
        repo=target.repo,
        repository_id=target.repository_id,
        workflow=target.workflow,
        ref=target.ref,
        dispatch=target.dispatch,
        limits=request.limits.tighten_actions(limits) if request.limits else limits,
        price=row.price,
        maker_account_id=row.maker,
    )


_PLANS = {Mode.SERVICE: _run_plan, Mode.WORKFLOW: _actions_plan}


def _check_consent(row: Any, request: CastInput) -> None:
    """Refuse what an alias leads to beyond what this caster agreed to."""
    agreed = [Terms.model_validate(each) for each in row.agreed or []]
    offered = Terms.model_validate(
        {
            "limits": row.limits,
            "policy": row.policy,
            "actions": row.actions,
            "price": row.price,
        }
    )
    found = least_widenings(agreed, offered)
    if found:
        details = {
            "spell": request.spell_key,
            "version": row.version,
            "widenings": [each.model_dump(mode="json") for each in found],
        }
        raise SpellError("CONSENT_REQUIRED", details=details)
