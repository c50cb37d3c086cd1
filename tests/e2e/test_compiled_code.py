"""Goal: a spell is compiled when it is published, and never again on the way of its casts.

Method: a module of this test's own, the bucket after publishing, and what the runner logged.
"""

from cli.local import settings_of
from infra.nats_connection import open_nats
from infra.runner_bus import NatsRunnerBus
from runner.compiling.code_verifier import CodeVerifier
from runner.sandbox.engine import engine_name
from schema.ids import sha256_digest
from tests.support.e2e import Caster, WholePlatform, fresh_spell
from tests.support.e2e_packages import package, says


async def test_the_first_cast_of_a_published_spell_compiles_nothing(
    platform: WholePlatform, caster: Caster
) -> None:
    key = fresh_spell()
    module = says(f'"{key}"'.encode())
    digest = sha256_digest(module)
    await caster.publish(package(key, module))
    assert await signed_code(platform, digest), "it is there before anybody casts"
    assert (await caster.ended(key))["result"] == key
    lines = [line for line in platform.logs.lines if digest in line]
    assert [line for line in lines if f"fetched the code of {digest}" in line]
    assert not [line for line in lines if f"compiled {digest} here" in line]


async def test_the_code_in_the_bucket_is_signed_by_the_key_that_runners_know(
    platform: WholePlatform, caster: Caster
) -> None:
    key = fresh_spell()
    module = says(f'"{key}"'.encode())
    digest = sha256_digest(module)
    await caster.publish(package(key, module))
    signed = await signed_code(platform, digest)
    assert signed is not None
    known = platform.embedded.context.runner_environment["SPELL_RUNNER_CODE_PUBLIC_KEY"]
    assert CodeVerifier(known).verified(engine_name(), digest, signed)


async def signed_code(platform: WholePlatform, digest: str) -> bytes | None:
    url = settings_of(platform.embedded.context).nats_url.get_secret_value()
    async with open_nats(url, name="test") as client:
        return await NatsRunnerBus(client).fetch_code(engine_name(), digest)
