"""Goal: a spell reaches the hosts that its manifest names, pays for it, and reaches nothing else.

Method: `network.wat` sends what it gets as inputs; a TLS server of the test's is the outside, and
the operator's settings say where it is.
"""

import json
from typing import Any

from tests.e2e.conftest import OUTSIDE_HOST
from tests.modules.guests import guest
from tests.support.e2e import Caster, Json, fresh_spell
from tests.support.e2e_packages import package
from tests.support.tls_servers import TlsServer

ANYTHING: dict[str, Any] = {"input": {"type": "object"}, "output": {}}
PER_MEGABYTE = {
    "model": "metered",
    "currency": "USD",
    "base_micros": 100,
    "unit_micros": {"egress_mb": 1_000_000},
}


async def published(maker: Caster, entry: str = "_start", **changes: Any) -> str:
    key = fresh_spell()
    changes = {"policy": {"net_allow": [OUTSIDE_HOST]}, "pricing": PER_MEGABYTE, **changes}
    await maker.publish(package(key, guest("network"), ANYTHING, entry=entry, **changes))
    return key


def asking(path: str = "/rates", host: str = OUTSIDE_HOST) -> Json:
    return {"method": "GET", "url": f"https://{host}{path}"}


async def test_a_spell_fetches_from_an_allowed_host_and_the_bytes_are_counted(
    maker: Caster, caster: Caster, outside: TlsServer
) -> None:
    cast = await caster.ended(await published(maker, "never_mind"), asking("/rates"))
    assert [request.path for request in outside.received].count("/rates") == 1
    usage = cast["usage"]
    assert usage["net_requests"] == 1
    assert usage["net_bytes"] > len("you asked for /rates")
    # `never_mind` writes nothing, which breaks the schema: a contract failure, and so free.
    assert (cast["problem"]["code"], cast["cost"]["micros"]) == ("OUTPUT_INVALID", 0)


async def test_the_bytes_of_the_network_are_charged_when_the_spell_refuses_by_itself(
    maker: Caster, caster: Caster
) -> None:
    spell = await published(maker, "until_refused", max_net_requests=3)
    cast = await caster.ended(spell, asking("/again"))
    assert cast["problem"]["code"] == "NETWORK_LIMIT_EXCEEDED"
    assert cast["usage"]["net_requests"] == 3
    share = cast["usage"]["net_bytes"] + cast["usage"]["output_bytes"]
    assert cast["cost"]["micros"] == 100 + share * 1_000_000 // 2**20
    assert cast["cost"]["micros"] <= cast["estimated_cost"]["micros"]
    assert [one["kind"] for one in cast["violations"]] == ["net_limit"]


async def test_a_host_that_the_manifest_does_not_name_is_denied_and_told(
    maker: Caster, caster: Caster
) -> None:
    cast = await caster.ended(await published(maker), asking(host="evil.example"))
    assert cast["problem"]["code"] == "NETWORK_DENIED"
    assert cast["problem"]["details"] == {"hosts": ["evil.example"]}
    assert [(one["kind"], one["subject"]) for one in cast["violations"]] == [
        ("net_denied", "evil.example")
    ]


async def test_a_redirect_to_the_metadata_service_is_not_followed(
    maker: Caster, caster: Caster
) -> None:
    cast = await caster.ended(await published(maker), asking("/away"))
    assert cast["problem"]["code"] == "NETWORK_DENIED"
    assert cast["problem"]["details"] == {"hosts": ["169.254.169.254"]}


async def test_a_spell_that_names_no_host_reaches_none(
    maker: Caster, caster: Caster, outside: TlsServer
) -> None:
    asked = len(outside.received)
    cast = await caster.ended(await published(maker, policy={}), asking("/quietly"))
    assert cast["problem"]["code"] == "NETWORK_DENIED"
    assert len(outside.received) == asked
    assert json.dumps(cast).count("net_denied") == 1
