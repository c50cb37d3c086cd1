"""Goal: an overloaded platform starts nothing new, and still answers for what it knows.

Method: the real routes over stand-ins that say how long the queue is and what is recorded.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
import pytest

from activities.backpressure import Backpressure, Bounds
from api.deps import Services
from api.main import create_app
from schema.contracts.account import Caller
from schema.contracts.cast import Admission, CastInput
from schema.contracts.problem import Problem
from schema.errors import SpellError
from schema.scopes import Scope

ACCOUNT = "acct_" + "a" * 16
CALLER = Caller(account_id=ACCOUNT, api_key_id="key_" + "b" * 16, scopes=frozenset(Scope))


@dataclass
class World:
    """Accounts, casts, queue and the process of casts, as the test wants them."""

    queued: int = 0
    open: int = 0
    started: list[str] = field(default_factory=list)
    recorded: dict[str, tuple[str, Admission]] = field(default_factory=dict)

    async def authenticate(self, key_text: str) -> tuple[Caller, bytes]:
        del key_text
        return CALLER, b"s" * 32

    async def depth(self) -> int:
        return self.queued

    async def open_casts(self, account_id: str, *, at_most: int) -> int:
        assert account_id == ACCOUNT
        return min(self.open, at_most)

    async def admission(self, cast_id: str) -> tuple[str, Admission] | None:
        return self.recorded.get(cast_id)

    async def admit(self, request: CastInput) -> Admission:
        self.started.append(request.cast_id)
        admission = Admission(
            cast_id=request.cast_id, problem=Problem.of(SpellError("PAYMENT_REQUIRED"))
        )
        self.recorded[request.cast_id] = (request.fingerprint, admission)
        return admission

    async def post(self, key: str, inputs: Any = None) -> httpx.Response:
        application = create_app()
        application.state.services = self._services()
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            return await client.post(
                "/v1/spells/com.example.any:cast",
                json={"inputs": inputs},
                headers={"Idempotency-Key": key, "Authorization": "Bearer sk_x"},
            )

    def _services(self) -> Services:
        stand_in = cast("Any", self)
        unused = cast("Any", None)
        return Services(
            accounts=stand_in,
            billing=unused,
            modes=unused,
            spells=unused,
            secrets=unused,
            advisory_exceptions=unused,
            identities=unused,
            publishing=unused,
            publications=unused,
            archive_slots=unused,
            uploads=unused,
            aliases=unused,
            revocations=unused,
            revoking=unused,
            suspensions=unused,
            ledger=unused,
            casting=stand_in,
            backpressure=Backpressure(stand_in, stand_in, Bounds(3, 10)),
            casts=stand_in,
            files=unused,
            artifacts=unused,
            links=unused,
            receipts=unused,
            replaying=unused,
            modules=unused,
            bills=unused,
            supply_chain_log=unused,
            vulnerabilities=unused,
            channels=unused,
            notifications=unused,
            endpoints=unused,
            deliveries=unused,
            github=unused,
            github_users=unused,
            callbacks=unused,
            webhooks=unused,
            aftercare=unused,
            purchasing=unused,
            purchases=unused,
            stripe_inbox=unused,
            schedules=unused,
            schedule_clocks=unused,
            schedule_seconds_min=60,
            feed=unused,
            run_inputs=unused,
            github_inbox=unused,
            streams=unused,
            health=unused,
            decoder=unused,
            codec_origins=frozenset(),
        )


@pytest.mark.parametrize(
    ("overload", "status", "code"),
    [({"queued": 10}, 503, "SERVICE_UNAVAILABLE"), ({"open": 3}, 429, "TOO_MANY_CASTS")],
)
async def test_a_new_cast_is_refused_before_anything_is_started(
    overload: dict[str, Any], status: int, code: str
) -> None:
    world = World(**overload)
    answer = await world.post("new")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert int(answer.headers["retry-after"]) == answer.json()["retry_after"] > 0
    assert world.started == []
    assert world.recorded == {}


async def test_below_both_bounds_a_cast_is_started() -> None:
    world = World(queued=9, open=2)
    assert (await world.post("new")).json()["code"] == "PAYMENT_REQUIRED"
    assert len(world.started) == 1


async def test_a_refused_key_is_a_new_one_when_it_comes_again() -> None:
    world = World(queued=10)
    await world.post("k")
    world.queued = 0
    answer = await world.post("k")
    assert answer.json()["code"] == "PAYMENT_REQUIRED"
    assert "idempotent-replayed" not in answer.headers


async def test_a_known_key_gets_its_answer_however_long_the_queue_is() -> None:
    world = World()
    first = await world.post("k")
    world.queued, world.open = 1_000_000, 1_000_000
    again, other = await asyncio.gather(world.post("k"), world.post("k", {"another": "body"}))
    assert again.json()["code"] == first.json()["code"] == "PAYMENT_REQUIRED"
    assert again.headers["idempotent-replayed"] == "true"
    assert other.json()["code"] == "IDEMPOTENCY_CONFLICT"
    assert len(world.started) == 1
