"""Admission: may this cast run, and is its worst case paid for?"""

from temporalio import activity

from activities._environment import check_environment
from activities._failures import to_failure
from activities.ports import CastStore, SchemaChecker, SpellSecrets
from schema.contracts.cast import (
    Admission,
    CastInput,
    CheckedCast,
    FallBackOrder,
    PlannedCast,
)
from schema.contracts.plans import ActionsPlan, RunPlan
from schema.contracts.problem import Problem
from schema.errors import SpellError
from schema.mode_choice import is_unavailable

# What refuses a cast for good. Anything else is the platform's trouble, and is retried.
_REFUSALS = frozenset(
    {
        "SPELL_NOT_FOUND",
        "SPELL_YANKED",
        "SPELL_REVOKED",
        "SPELL_SUSPENDED",
        "SPELL_DELISTED",
        "SPELL_UNVERIFIED",
        "CONSENT_REQUIRED",
        "VALIDATION_ERROR",
        "SECRET_MISSING",
        "MODE_FORBIDDEN",
        "MODE_UNAVAILABLE",
        "FORBIDDEN_REPO",
        "WORKFLOW_NOT_FOUND",
    }
)


class CastingActivities:
    """Decides on casts."""

    def __init__(self, casts: CastStore, checker: SchemaChecker, secrets: SpellSecrets) -> None:
        self._casts = casts
        self._checker = checker
        self._secrets = secrets

    @activity.defn(name="casting.admit")
    async def admit(self, request: CastInput) -> Admission:
        """Check spell state, inputs and secrets, then hold the worst-case cost under every cap.

        What is to run on GitHub Actions is only planned: GitHub is asked first, since nobody pays
        for what cannot be dispatched, and then `casting.hold_checked` decides.

        Effect: the answer for (account, Idempotency-Key), and with it the hold and the cast.
        Same twice: the recorded answer wins, by unique cast id.
        Gives up on: IDEMPOTENCY_CONFLICT; refusals are answers, not failures.
        Heartbeat: none; runs as a local activity.
        """
        try:
            planned, schemas = await self._casts.find_plan(request)
            _check_cap_currency(planned, request)
            await self._check_inputs(schemas, request)
            for plan in (planned.plan, planned.fallback):
                if isinstance(plan, RunPlan):
                    await check_environment(self._secrets, plan)
            if isinstance(planned.plan, ActionsPlan):
                return Admission(cast_id=request.cast_id, pending=planned)
            return await self._casts.hold(request, planned)
        except SpellError as error:
            if error.code not in _REFUSALS:
                raise to_failure(error) from error
            return await self._refuse(request, Problem.of(error))

    @activity.defn(name="casting.hold_checked")
    async def hold_checked(self, checked: CheckedCast) -> Admission:
        """Hold the worst-case cost of what GitHub was asked about, or of its fallback.

        Effect: as `casting.admit`; a problem without a fallback is a recorded refusal.
        Same twice: the recorded answer wins, by unique cast id.
        Gives up on: IDEMPOTENCY_CONFLICT; what says nothing for good, such as SERVICE_UNAVAILABLE.
        Heartbeat: none; runs as a local activity.
        """
        planned, problem = checked.planned, checked.problem
        if problem is not None:
            instead = planned.instead(problem) if is_unavailable(problem) else None
            if instead is None and problem.code not in _REFUSALS:
                raise to_failure(problem.to_error(), for_good=True)
            if instead is None:
                return await self._refuse(checked.request, problem)
            planned = instead
        try:
            return await self._casts.hold(checked.request, planned)
        except SpellError as error:
            raise to_failure(error) from error

    @activity.defn(name="casting.fall_back")
    async def fall_back(self, order: FallBackOrder) -> bool:
        """Change a cast's mode to its fallback, before anything of it has run.

        Effect: the mode, and an event that tells; neither, and False, once it has begun.
        Same twice: the change that is there is the answer.
        Gives up on: nothing.
        Heartbeat: none; runs as a local activity.
        """
        return await self._casts.fall_back(order)

    async def _refuse(self, request: CastInput, problem: Problem) -> Admission:
        refusal = Admission(cast_id=request.cast_id, problem=problem)
        return await self._casts.refuse(request, refusal)

    async def _check_inputs(self, schemas: bytes, request: CastInput) -> None:
        inputs = request.inputs_json.encode("utf-8")
        violations = await self._checker.violations(schemas, "input", inputs)
        if violations:
            errors = [{"path": f"/inputs{v.path}", "message": v.message} for v in violations]
            raise SpellError(
                "VALIDATION_ERROR",
                "The inputs do not fit the spell's input schema.",
                details={"errors": errors},
            )


def _check_cap_currency(planned: PlannedCast, request: CastInput) -> None:
    """A cap in another currency than the price's bounds nothing; it must not be ignored."""
    currency = planned.plan.price.currency
    if request.budget_cap_micros is not None and request.budget_cap_currency != currency:
        message = f"this spell is priced in {currency}"
        raise SpellError(
            "VALIDATION_ERROR",
            f"The budget cap is in another currency: {message}.",
            details={"errors": [{"path": "/budget_cap/currency", "message": message}]},
        )
