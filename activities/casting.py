"""Admission: may this cast run, and is its worst case paid for?"""

from temporalio import activity

from activities._environment import check_environment
from activities._failures import to_failure
from activities.ports import CastStore, SchemaChecker, SpellSecrets
from schema.contracts.cast import (
    Admission,
    CastInput,
)
from schema.contracts.plans import RunPlan
from schema.contracts.problem import Problem
from schema.errors import SpellError

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

        Effect: the answer for (account, Idempotency-Key), and with it the hold and the cast.
        Same twice: the recorded answer wins, by unique cast id.
        Gives up on: IDEMPOTENCY_CONFLICT; refusals are answers, not failures.
        Heartbeat: none; runs as a local activity.
        """
        try:
            plan, schemas = await self._casts.find_plan(request)
            _check_cap_currency(plan, request)
            await self._check_inputs(schemas, request)
            await check_environment(self._secrets, plan)
            return await self._casts.hold(request, plan)
        except SpellError as error:
            if error.code not in _REFUSALS:
                raise to_failure(error) from error
            refusal = Admission(cast_id=request.cast_id, problem=Problem.of(error))
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


def _check_cap_currency(plan: RunPlan, request: CastInput) -> None:
    """A cap in another currency than the price's bounds nothing; it must not be ignored."""
    currency = plan.price.currency
    if request.budget_cap_micros is not None and request.budget_cap_currency != currency:
        message = f"this spell is priced in {currency}"
        raise SpellError(
            "VALIDATION_ERROR",
            f"The budget cap is in another currency: {message}.",
            details={"errors": [{"path": "/budget_cap/currency", "message": message}]},
        )
