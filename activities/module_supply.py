"""How modules and their compiled code get to the runners: made at publish, brought before a run.

Code is compiled once, when a spell is published, and signed with the module and the engine that it
is of. A runner takes nothing else for code, so what lies in storage or in the bucket need not be
trusted; and whoever has none for its engine compiles for itself.
"""

from activities.ports import BlobStore, RunBus, Vault
from schema.blob_keys import code_key, module_key
from schema.compiled_code import (
    CODE_SIGNING_PURPOSE,
    CompiledCode,
    code_statement,
    join_signed,
)
from schema.errors import SpellError


class ModuleSupply:
    """Modules and code by digest, from object storage to the runners' bucket.

    Args:
        blobs: where they are kept for good.
        bus: where runners fetch them.
        vault: signs code.
        engine: the engine of this release, whose code is brought. Runners of another release find
            what was brought for theirs, or compile.
    """

    def __init__(self, blobs: BlobStore, bus: RunBus, vault: Vault, engine: str) -> None:
        self._blobs = blobs
        self._bus = bus
        self._vault = vault
        self._engine = engine

    async def keep(self, module_digest: str, module: bytes, code: CompiledCode) -> None:
        """Keep a module and its code for good. The same again replaces it by the same."""
        statement = code_statement(code.engine, module_digest, code.content)
        signature = self._vault.sign(CODE_SIGNING_PURPOSE, statement)
        await self._blobs.put(module_key(module_digest), module)
        await self._blobs.put(
            code_key(code.engine, module_digest), join_signed(signature, code.content)
        )

    async def bring(self, module_digest: str) -> None:
        """Make sure that runners can fetch the module, and its code if there is any.

        Raises:
            SpellError: SERVICE_UNAVAILABLE, the bus is away; INTERNAL, the module is gone.
        """
        await self._bus.ensure_object(module_digest, lambda: self._module(module_digest))
        await self._bus.ensure_code(
            self._engine,
            module_digest,
            lambda: self._blobs.get(code_key(self._engine, module_digest)),
        )

    async def _module(self, module_digest: str) -> bytes:
        module = await self._blobs.get(module_key(module_digest))
        if module is None:
            raise SpellError("INTERNAL", "The module is gone from object storage.")
        return module
