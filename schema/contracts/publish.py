"""Publishing a package, as messages."""

from enum import StrEnum
from typing import Any

from schema.contracts.base import Contract
from schema.contracts.cast import Mode
from schema.contracts.problem import Problem
from schema.contracts.run import RunLimits, RunPolicy, Target
from schema.contracts.supply_chain import Decision
from schema.ids import AccountId, Digest, SpellKey, Version
from schema.pricing import Price


class VersionState(StrEnum):
    """What may be done with a published version."""

    PUBLISHED = "published"
    YANKED = "yanked"
    SUSPENDED = "suspended"
    DELISTED = "delisted"
    """An advisory on it was not mended in time."""


class ModuleFacts(Contract):
    """What the inspection of a WebAssembly module found, in a process of its own."""

    imports: list[str]
    """`module.name` of every import, sorted."""
    exports: list[str]
    memory_bytes_min: int


class PublishInput(Contract):
    """Start input of `PublishSpell`: an uploaded archive, by digest."""

    account_id: AccountId
    package_digest: Digest
    package_bytes: int


class InspectedPackage(Contract):
    """What an archive turned out to be, once every check of its form has passed."""

    spell_key: SpellKey
    version: Version
    package_digest: Digest
    module_digest: Digest
    module_bytes: int
    mode: Mode
    visibility: str
    target: Target = Target.CORE
    entry: str
    limits: RunLimits
    policy: RunPolicy = RunPolicy()
    price: Price
    manifest: dict[str, Any]
    schemas_json: str
    """The text of schema.json, as packaged."""
    module: ModuleFacts


class RecordOrder(Contract):
    """Argument of the step that decides on a package and makes it a version."""

    account_id: AccountId
    package: InspectedPackage


class PublishResult(Contract):
    """A published version, or why there is none."""

    package_digest: Digest
    spell_key: SpellKey | None = None
    version: Version | None = None
    created: bool = False
    """False when this very package was published before."""
    decision: Decision | None = None
    problem: Problem | None = None
