"""What publishing keeps is what a runner takes, and a cast waits for no more than it must."""

from collections.abc import Awaitable, Callable

import pytest

from activities.module_supply import ModuleSupply
from infra.vault import PlatformVault
from runner.compiling.code_verifier import CodeVerifier
from schema.compiled_code import CODE_SIGNING_PURPOSE, CompiledCode
from schema.errors import SpellError
from schema.ids import sha256_digest
from tests.modules.fleet import base64_of
from tests.support.fakes import MemoryBlobs, ScriptedRunBus
from tests.support.platform import make_vault, verdict_for

ENGINE = "wasmtime-50.0.1/0123456789ab"
MODULE = b"\0asm module"
DIGEST = sha256_digest(MODULE)


class Bucket(ScriptedRunBus):
    """A bus whose bucket begins empty and keeps what it is brought."""

    def __init__(self) -> None:
        super().__init__(verdict_for)
        self.content: dict[str, bytes | None] = {}

    async def ensure_object(self, digest: str, load: Callable[[], Awaitable[bytes]]) -> None:
        self.content[digest] = await load()

    async def ensure_code(
        self, engine: str, digest: str, load: Callable[[], Awaitable[bytes | None]]
    ) -> None:
        self.content[f"{engine} {digest}"] = await load()


@pytest.fixture
def vault() -> PlatformVault:
    return make_vault()


async def test_kept_code_reaches_the_bucket_in_a_form_that_runners_take(
    vault: PlatformVault,
) -> None:
    bucket = Bucket()
    supply = ModuleSupply(MemoryBlobs(), bucket, vault, ENGINE)
    await supply.keep(DIGEST, MODULE, CompiledCode(ENGINE, b"machine code"))
    await supply.bring(DIGEST)
    signed = bucket.content[f"{ENGINE} {DIGEST}"]
    assert bucket.content[DIGEST] == MODULE
    assert signed is not None
    verifier = CodeVerifier(base64_of(vault.public_key(CODE_SIGNING_PURPOSE)))
    assert verifier.verified(ENGINE, DIGEST, signed) == b"machine code"


async def test_code_of_another_release_is_left_where_it_is(vault: PlatformVault) -> None:
    bucket, blobs = Bucket(), MemoryBlobs()
    await ModuleSupply(blobs, bucket, vault, ENGINE).keep(
        DIGEST, MODULE, CompiledCode("wasmtime-49.0.0/0123456789ab", b"older code")
    )
    await ModuleSupply(blobs, bucket, vault, ENGINE).bring(DIGEST)
    assert bucket.content == {DIGEST: MODULE, f"{ENGINE} {DIGEST}": None}


async def test_a_module_that_is_gone_from_storage_is_a_fault_of_ours(vault: PlatformVault) -> None:
    with pytest.raises(SpellError, match="gone"):
        await ModuleSupply(MemoryBlobs(), Bucket(), vault, ENGINE).bring(DIGEST)


@pytest.mark.parametrize("engine", ["", "../../packages/x", "wasmtime-1/0123456789ab\n"])
async def test_what_is_no_engine_is_neither_signed_nor_a_key(
    vault: PlatformVault, engine: str
) -> None:
    blobs = MemoryBlobs()
    with pytest.raises(ValueError, match="engine"):
        await ModuleSupply(blobs, Bucket(), vault, ENGINE).keep(
            DIGEST, MODULE, CompiledCode(engine, b"code")
        )
    assert blobs.content == {}
