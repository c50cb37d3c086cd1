"""Who may do what: keys, scopes, and that no key can make a mightier one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schema.scopes import Scope
from tests.support.e2e import TAR, Caster, WholePlatform, problem

# Every address that wants a key, with the scope that it wants.
ADDRESSES = [
    ("POST", "/v1/spells", Scope.PUBLISH),
    ("POST", "/v1/spells/com.example.x/versions/1.0.0:yank", Scope.PUBLISH),
    ("POST", "/v1/spells/com.example.x/versions/1.0.0:unyank", Scope.PUBLISH),
    ("GET", "/v1/spells", Scope.CAST),
    ("GET", "/v1/spells/com.example.x", Scope.CAST),
    ("GET", "/v1/spells/com.example.x/versions", Scope.CAST),
    ("GET", "/v1/spells/com.example.x/versions/1.0.0", Scope.CAST),
    ("GET", "/v1/spells/com.example.x/versions/1.0.0/module", Scope.PUBLISH),
    ("GET", "/v1/spells/com.example.x/versions/1.0.0/sbom", Scope.CAST),
    ("GET", "/v1/publications/pub_x", Scope.PUBLISH),
    ("GET", "/v1/publications/pub_x/events", Scope.PUBLISH),
    ("POST", "/v1/uploads", Scope.PUBLISH),
    ("GET", "/v1/uploads/upl_x", Scope.PUBLISH),
    ("PATCH", "/v1/uploads/upl_x", Scope.PUBLISH),
    ("DELETE", "/v1/uploads/upl_x", Scope.PUBLISH),
    ("GET", "/v1/spells/com.example.x/aliases", Scope.CAST),
    ("PUT", "/v1/spells/com.example.x/aliases/stable", Scope.PUBLISH),
    ("DELETE", "/v1/spells/com.example.x/aliases/stable", Scope.PUBLISH),
    ("POST", "/v1/spells/com.example.x:consent", Scope.CAST),
    ("POST", "/v1/spells/com.example.x:suspend", Scope.DEPLOY),
    ("POST", "/v1/spells/com.example.x:unsuspend", Scope.DEPLOY),
    ("GET", "/v1/signing-identities", Scope.ACCOUNT),
    ("POST", "/v1/signing-identities", Scope.ACCOUNT),
    ("DELETE", "/v1/signing-identities/sid_x", Scope.ACCOUNT),
    ("POST", "/v1/revocations", Scope.DEPLOY),
    ("GET", "/v1/revocations", Scope.DEPLOY),
    ("DELETE", "/v1/revocations/1", Scope.DEPLOY),
    ("GET", "/v1/advisory-exceptions", Scope.DEPLOY),
    ("POST", "/v1/advisory-exceptions", Scope.DEPLOY),
    ("DELETE", "/v1/advisory-exceptions/x", Scope.DEPLOY),
    ("GET", "/v1/spells/com.example.x/secrets", Scope.PUBLISH),
    ("PUT", "/v1/spells/com.example.x/secrets/TOKEN", Scope.PUBLISH),
    ("DELETE", "/v1/spells/com.example.x/secrets/TOKEN", Scope.PUBLISH),
    ("POST", "/v1/spells/com.example.x:cast", Scope.CAST),
    ("GET", "/v1/casts", Scope.CAST),
    ("GET", "/v1/casts/cast_x", Scope.CAST),
    ("GET", "/v1/casts/cast_x/events", Scope.CAST),
    ("GET", "/v1/casts/cast_x/logs", Scope.CAST),
    ("GET", "/v1/casts/cast_x/transfers", Scope.CAST),
    ("GET", "/v1/casts/cast_x/output", Scope.CAST),
    ("GET", "/v1/casts/cast_x/artifacts", Scope.CAST),
    ("GET", "/v1/casts/cast_x/artifacts/output.json", Scope.CAST),
    ("POST", "/v1/casts/cast_x/artifacts:link", Scope.CAST),
    ("GET", "/v1/casts/cast_x/receipt", Scope.CAST),
    ("POST", "/v1/casts/cast_x/receipt:replay", Scope.CAST),
    ("POST", "/v1/casts/cast_x:cancel", Scope.CAST),
    ("POST", "/v1/schedules", Scope.CAST),
    ("GET", "/v1/schedules", Scope.CAST),
    ("GET", "/v1/schedules/sch_x", Scope.CAST),
    ("PATCH", "/v1/schedules/sch_x", Scope.CAST),
    ("DELETE", "/v1/schedules/sch_x", Scope.CAST),
    ("POST", "/v1/schedules/sch_x:pause", Scope.CAST),
    ("POST", "/v1/schedules/sch_x:resume", Scope.CAST),
    ("POST", "/v1/schedules/sch_x:trigger", Scope.CAST),
    ("POST", "/v1/schedules/sch_x:backfill", Scope.CAST),
    ("POST", "/v1/account/github", Scope.ACCOUNT),
    ("POST", "/v1/account/github:complete", Scope.ACCOUNT),
    ("GET", "/v1/account/github", Scope.ACCOUNT),
    ("GET", "/v1/account/github/installations", Scope.ACCOUNT),
    ("DELETE", "/v1/account/github", Scope.ACCOUNT),
    ("POST", "/v1/keys", Scope.ACCOUNT),
    ("GET", "/v1/keys", Scope.ACCOUNT),
    ("DELETE", "/v1/keys/key_x", Scope.ACCOUNT),
    ("GET", "/v1/billing/caps", Scope.ACCOUNT),
    ("POST", "/v1/billing/caps", Scope.ACCOUNT),
    ("DELETE", "/v1/billing/caps", Scope.ACCOUNT),
    ("GET", "/v1/billing/usage", Scope.ACCOUNT),
    ("GET", "/v1/billing/alerts", Scope.ACCOUNT),
    ("GET", "/v1/billing/history", Scope.ACCOUNT),
    ("GET", "/v1/billing/time-zone", Scope.ACCOUNT),
    ("PUT", "/v1/billing/time-zone", Scope.ACCOUNT),
    ("GET", "/v1/billing/statement", Scope.ACCOUNT),
    ("GET", "/v1/billing/balances", Scope.ACCOUNT),
    ("GET", "/v1/billing/transfers/1/proof", Scope.ACCOUNT),
    ("GET", "/v1/ledger/verification/seals", Scope.DEPLOY),
    ("GET", "/v1/ledger/accounts", Scope.DEPLOY),
    ("GET", "/v1/ledger/accounts/platform_revenue:USD/statement", Scope.DEPLOY),
    ("GET", "/v1/spells/com.example.x/versions/1.0.0/vulnerabilities", Scope.CAST),
    ("POST", "/v1/supply-chain/rescans", Scope.DEPLOY),
    ("GET", "/v1/account/modes", Scope.ACCOUNT),
    ("PUT", "/v1/account/modes", Scope.ACCOUNT),
    ("DELETE", "/v1/account/modes", Scope.ACCOUNT),
    ("GET", "/v1/account/notification-channels", Scope.ACCOUNT),
    ("PUT", "/v1/account/notification-channels/email", Scope.ACCOUNT),
    ("DELETE", "/v1/account/notification-channels/email", Scope.ACCOUNT),
    ("GET", "/v1/account/notifications", Scope.ACCOUNT),
    ("POST", "/v1/account/notifications/msg_x:resend", Scope.ACCOUNT),
    ("POST", "/v1/catalog/spells/com.example.x/purchase", Scope.CAST),
    ("GET", "/v1/purchases", Scope.CAST),
    ("GET", "/v1/purchases/pur_x", Scope.CAST),
    ("POST", "/v1/purchases/pur_x:cancel", Scope.CAST),
    ("POST", "/v1/webhook-endpoints", Scope.ACCOUNT),
    ("GET", "/v1/webhook-endpoints", Scope.ACCOUNT),
    ("GET", "/v1/webhook-endpoints/whe_x", Scope.ACCOUNT),
    ("PATCH", "/v1/webhook-endpoints/whe_x", Scope.ACCOUNT),
    ("DELETE", "/v1/webhook-endpoints/whe_x", Scope.ACCOUNT),
    ("POST", "/v1/webhook-endpoints/whe_x:rotate", Scope.ACCOUNT),
    ("POST", "/v1/webhook-endpoints/whe_x:test", Scope.ACCOUNT),
    ("GET", "/v1/webhook-endpoints/whe_x/deliveries", Scope.ACCOUNT),
    ("POST", "/v1/webhook-endpoints/whe_x/deliveries:replay", Scope.ACCOUNT),
    ("GET", "/v1/webhook-endpoints/whe_x/deliveries/msg_x", Scope.ACCOUNT),
    ("POST", "/v1/webhook-endpoints/whe_x/deliveries/msg_x:replay", Scope.ACCOUNT),
    ("GET", "/v1/account/callback-secret", Scope.ACCOUNT),
    ("POST", "/v1/account/callback-secret:rotate", Scope.ACCOUNT),
    ("GET", "/v1/casts/cast_x/callback", Scope.CAST),
    ("POST", "/v1/casts/cast_x/callback:replay", Scope.CAST),
    ("POST", "/codec/decode", Scope.AUDIT),
]
# Either scope is enough.
VIOLATIONS = "/v1/spells/com.example.x/violations"
LOG = "/v1/supply-chain/log"
# Without a key: whoever holds a receipt can check it, whoever follows the feed reads it, and
# whoever has a link to an artifact may have that. A run on GitHub Actions takes its inputs once, by
# an address that nobody else has; what GitHub and Stripe deliver is signed
# (tests/integration/test_github_webhook.py). Buyers' browsers come back from
# a payment with nothing.
OPEN_TO_ALL = {
    *("/live", "/ready", "/health", "/v1/receipts/keys", "/v1/advisories/feed"),
    "/v1/ledger/keys",
    *("/v1/artifacts/{token}", "/v1/run-inputs/{token}", "/v1/webhooks/github"),
    *("/v1/webhooks/stripe", "/v1/checkout/paid", "/v1/checkout/cancelled"),
}


async def test_every_address_of_the_api_is_in_this_table(platform: WholePlatform) -> None:
    """A route that is added without a look at its scope fails here."""
    document = (await platform.http.get("/openapi.json")).json()
    there = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if path not in OPEN_TO_ALL | {"/v1/users/me"}
    }
    there.remove(("GET", VIOLATIONS.replace("com.example.x", "{key}")))
    there.remove(("GET", LOG))
    assert len(there) == len([a for a in ADDRESSES if a[1] != "/codec/decode"])
    secured = [m for path in document["paths"].values() for m in path.values() if "security" in m]
    assert len(secured) == len(there) + 3, "all of them, violations, the log and /v1/users/me"


@pytest.mark.parametrize(("method", "path", "scope"), ADDRESSES)
async def test_without_a_key_there_is_nothing(
    platform: WholePlatform, method: str, path: str, scope: Scope
) -> None:
    answer = await platform.http.request(method, path)
    problem(answer, 401, "UNAUTHORIZED")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "scope"), ADDRESSES)
async def test_a_key_without_the_scope_is_told_which_one_is_missing(
    platform: WholePlatform, limited: dict[Scope, Caster], method: str, path: str, scope: Scope
) -> None:
    refused = problem(await limited[scope].request(method, path), 403, "FORBIDDEN")
    assert refused["details"] == {"scope": scope.value}


async def test_violations_are_for_makers_and_for_operators(platform: WholePlatform) -> None:
    neither = [scope for scope in Scope if scope not in (Scope.PUBLISH, Scope.DEPLOY)]
    refused = await (await platform.new_caster(scopes=neither)).get(VIOLATIONS)
    assert problem(refused, 403, "FORBIDDEN")["details"] == {"scope": Scope.PUBLISH}
    for scope in (Scope.PUBLISH, Scope.DEPLOY):
        answer = await (await platform.new_caster(scopes=[scope])).get(VIOLATIONS)
        problem(answer, 404, "SPELL_NOT_FOUND")


async def test_the_log_is_for_auditors_and_for_makers(platform: WholePlatform) -> None:
    neither = [scope for scope in Scope if scope not in (Scope.AUDIT, Scope.PUBLISH)]
    refused = await (await platform.new_caster(scopes=neither)).get(LOG)
    assert problem(refused, 403, "FORBIDDEN")["details"] == {"scope": Scope.AUDIT}
    for scope in (Scope.AUDIT, Scope.PUBLISH):
        assert (await (await platform.new_caster(scopes=[scope])).get(LOG)).status_code == 200


@pytest.fixture(scope="session")
async def limited(platform: WholePlatform) -> dict[Scope, Caster]:
    """For each scope, somebody who has all others."""
    return {
        lacking: await platform.new_caster(scopes=[s for s in Scope if s is not lacking])
        for lacking in Scope
    }


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Bearer sk_",
        "Bearer sk__",
        f"Bearer sk_{'a' * 12}_{'b' * 32}",
        f"Bearer sk_{'ö' * 12}_{'b' * 32}",
        f"Bearer {'x' * 4000}",
        "Basic c2tfYTpi",
    ],
    ids=lambda text: text[:24],
)
async def test_garbage_for_a_key_is_unauthorized(
    platform: WholePlatform, authorization: str
) -> None:
    headers = [(b"Authorization", authorization.strip().encode())]
    answer = await platform.http.get("/v1/users/me", headers=headers)
    problem(answer, 401, "UNAUTHORIZED")


async def test_a_key_with_one_wrong_letter_is_unauthorized(caster: Caster) -> None:
    text = caster.person.key_text
    for at in (3, -1):
        wrong = list(text)
        wrong[at] = "a" if wrong[at] != "a" else "b"
        headers = {"Authorization": f"Bearer {''.join(wrong)}"}
        problem(await caster.get("/v1/users/me", headers=headers), 401, "UNAUTHORIZED")
    headers = {"Authorization": f"Bearer {text.upper()}"}
    problem(await caster.get("/v1/users/me", headers=headers), 401, "UNAUTHORIZED")


async def test_a_key_says_whose_it_is(caster: Caster) -> None:
    other = await caster.with_key(scopes=["cast:invoke", "audit:read"])
    me = (await other.get("/v1/users/me")).json()
    assert me["account_id"] == caster.person.account_id
    assert me["api_key_id"] == other.person.api_key_id
    assert sorted(me["scopes"]) == ["audit:read", "cast:invoke"]


async def test_a_revoked_key_ends_now_and_the_others_live_on(caster: Caster) -> None:
    other = await caster.with_key(scopes=["cast:invoke"])
    assert (await other.get("/v1/casts")).status_code == 200
    for _ in range(2):
        path = f"/v1/keys/{other.person.api_key_id}"
        assert (await caster.request("DELETE", path)).status_code == 204
    problem(await other.get("/v1/casts"), 401, "UNAUTHORIZED")
    listed = {k["id"]: k for k in (await caster.get("/v1/keys")).json()}
    assert listed[other.person.api_key_id]["revoked_at"] is not None
    assert listed[caster.person.api_key_id]["revoked_at"] is None


async def test_an_expired_key_is_unauthorized(platform: WholePlatform, caster: Caster) -> None:
    for left, status in ((timedelta(hours=1), 200), (timedelta(seconds=-1), 401)):
        key = await platform.key_of(
            caster.person.account_id, [Scope.CAST], datetime.now(UTC) + left
        )
        assert (await key.get("/v1/casts")).status_code == status


async def test_foreign_keys_can_be_neither_seen_nor_revoked(
    caster: Caster, stranger: Caster
) -> None:
    listed = await stranger.get("/v1/keys")
    assert [k["id"] for k in listed.json()] == [stranger.person.api_key_id]
    answer = await stranger.request("DELETE", f"/v1/keys/{caster.person.api_key_id}")
    problem(answer, 404, "KEY_NOT_FOUND")
    assert (await caster.get("/v1/users/me")).status_code == 200


async def test_a_list_of_keys_shows_no_key(caster: Caster) -> None:
    other = await caster.with_key(scopes=["cast:invoke"])
    listed = await caster.get("/v1/keys")
    for key in (caster, other):
        text = key.person.key_text
        assert text not in listed.text
        assert text.split("_")[2] not in listed.text
    assert {k["prefix"] for k in listed.json()} == {
        key.person.key_text.split("_")[1] for key in (caster, other)
    }


async def test_a_key_can_only_pass_on_its_own_scopes(caster: Caster) -> None:
    manager = await caster.with_key(scopes=["account:manage", "cast:invoke"])
    body = {"name": "mightier", "scopes": ["cast:invoke", "audit:read"]}
    refused = problem(await manager.post("/v1/keys", json=body), 403, "FORBIDDEN")
    assert refused["details"] == {"scope": "audit:read"}
    helper = await manager.with_key(scopes=["cast:invoke"])
    body = {"name": "manager", "scopes": ["cast:invoke"]}
    problem(await helper.post("/v1/keys", json=body), 403, "FORBIDDEN")


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 101},
        {"name": "nul\0"},
        {"name": "colour \x1b[31m"},
        {"name": 5},
        {"scopes": []},
        {"scopes": ["root"]},
        {"scopes": "cast:invoke"},
        {"expires_at": "tomorrow"},
        {"expires_at": "2030-01-01T00:00:00"},
        {"expires_at": "0001-01-01T00:00:00+23:59"},
        {"expires_at": "9999-12-31T23:59:59-23:59"},
        {"account_id": "acct_aaaaaaaaaaaaaaaa"},
    ],
    ids=str,
)
async def test_a_key_that_makes_no_sense_is_refused(caster: Caster, change: dict[str, Any]) -> None:
    body = {"name": "fine", "scopes": ["cast:invoke"], **change}
    problem(await caster.post("/v1/keys", json=body), 422, "VALIDATION_ERROR")
    assert len((await caster.get("/v1/keys")).json()) == 1


async def test_a_key_with_another_offset_expires_at_that_moment(caster: Caster) -> None:
    body = {"name": "π", "scopes": ["cast:invoke"], "expires_at": "2090-01-01T00:30:00+01:00"}
    made = (await caster.post("/v1/keys", json=body)).json()
    caster.platform.secrets.add(made["key"])
    assert made["summary"]["expires_at"] == "2089-12-31T23:30:00Z"
    assert made["summary"]["name"] == "π"


async def test_a_maker_without_the_cast_scope_can_publish_but_not_cast(
    platform: WholePlatform,
) -> None:
    publisher = await platform.new_caster(1_000_000, scopes=[Scope.PUBLISH])
    refused = await publisher.post("/v1/spells", content=b"", headers=TAR)
    problem(refused, 422, "PACKAGE_INVALID")
    problem(await publisher.cast(await platform.spell("free")), 403, "FORBIDDEN")
