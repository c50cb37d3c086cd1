"""A spell's environment: the secrets that its manifest names, in clear for nobody but the fleet."""

from activities.ports import SpellSecrets, Vault
from schema.canonical import canonical_json
from schema.contracts.plans import RunPlan
from schema.errors import SpellError


async def check_environment(secrets: SpellSecrets, plan: RunPlan) -> None:
    """See that every variable of the plan has a value, without reading any.

    Raises:
        SpellError: SECRET_MISSING.
    """
    names = plan.policy.env_vars
    _refuse(await secrets.missing(plan.spell_key, names) if names else [])


async def sealed_environment(secrets: SpellSecrets, vault: Vault, plan: RunPlan) -> str | None:
    """The variables of the plan with their values, in a box for the fleet; None without any.

    Called when a run is put on the bus: nothing between here and the runner ever sees a value.

    Raises:
        SpellError: SECRET_MISSING, one was removed since the cast was admitted.
    """
    names = plan.policy.env_vars
    if not names:
        return None
    values = await secrets.values(plan.spell_key, names)
    _refuse([name for name in names if name not in values])
    return vault.seal_to_runners(canonical_json(values))


def _refuse(missing: list[str]) -> None:
    if missing:
        raise SpellError("SECRET_MISSING", details={"names": missing})
