"""What a runner is asked, and what must be at hand before it is asked."""

from collections.abc import Callable
from functools import partial

from temporalio import activity

from activities._environment import sealed_environment
from activities._records import seed_of
from activities._resources import bring_resources
from activities.module_supply import ModuleSupply
from activities.ports import BlobStore, RunBus, SpellSecrets, Vault
from activities.revoking_ports import TrustCheck
from schema.contracts.cast import RunOrder
from schema.contracts.run import RunRequest, request_version


class RunRequests:
    """Makes run requests, with inputs and environment sealed to the runners.

    Args:
        blobs: where resources are.
        bus: brings resources to the runners.
        vault: seals, and derives seeds.
        modules: brings modules and their code to the runners.
        secrets: what spells' environments are made of.
        trust: whether a version may run.
    """

    def __init__(
        self,
        blobs: BlobStore,
        bus: RunBus,
        vault: Vault,
        modules: ModuleSupply,
        secrets: SpellSecrets,
        trust: TrustCheck,
    ) -> None:
        self._blobs = blobs
        self._bus = bus
        self._vault = vault
        self._modules = modules
        self._secrets = secrets
        self._trust = trust

    async def prepare(self, order: RunOrder, expires_at_unix: int) -> Callable[[], RunRequest]:
        """Bring what the run needs to the runners; answer what makes its request.

        Requests are large, and many runs may wait for their turn: so each is made when it is due.

        Raises:
            SpellError: SPELL_REVOKED, SECRET_MISSING, SERVICE_UNAVAILABLE, INTERNAL.
        """
        await self._trust.check(order.plan.spell_key, order.plan.version)
        await self._modules.bring(order.plan.module_digest)
        await bring_resources(self._blobs, self._bus, order.plan.policy)
        environment = await sealed_environment(self._secrets, self._vault, order.plan)
        return partial(self._request, order, environment, expires_at_unix)

    def _request(
        self, order: RunOrder, environment: str | None, expires_at_unix: int
    ) -> RunRequest:
        plan = order.plan
        return RunRequest(
            schema_version=request_version(plan.limits),
            cast_id=order.cast_id,
            package_digest=plan.package_digest,
            module_digest=plan.module_digest,
            target=plan.target,
            entry=plan.entry,
            limits=plan.limits,
            policy=plan.policy,
            seed=order.seed or seed_of(self._vault, order.cast_id),
            clock_unix_ms=_clock_of(order),
            sealed_inputs=self._vault.seal_to_runners(order.inputs_json.encode("utf-8")),
            sealed_environment=environment,
            reply_public_key=self._vault.reply_public_key,
            expires_at_unix=expires_at_unix,
        )


def _clock_of(order: RunOrder) -> int:
    """What the run's clock starts at, in Unix milliseconds: the same on every attempt."""
    if order.clock_unix_ms is not None:
        return order.clock_unix_ms
    return int(activity.info().scheduled_time.timestamp() * 1000)
