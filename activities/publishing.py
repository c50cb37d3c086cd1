"""Publishing: from an uploaded archive to a version that can be cast."""

from temporalio import activity

from activities._failures import to_failure
from activities._resources import keep_resources
from activities.module_supply import ModuleSupply
from activities.ports import BlobStore, ModuleInspector, SchemaChecker, SpellStore, SupplyChainGate
from activities.supply_chain.ports import PackageEvidences
from schema.blob_keys import package_key
from schema.contracts.publish import (
    InspectedPackage,
    PublishInput,
    PublishResult,
    RecordOrder,
)
from schema.contracts.supply_chain import Decision, PackageEvidence
from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.manifest import unsupported_features
from schema.package import MANIFEST_FILE, MODULE_FILE, SCHEMA_FILE, Package, read_package
from schema.packaging.manifest_errors import manifest_invalid
from schema.packaging.names import SBOM_FILES


class PublishingActivities:
    """Checks packages and makes versions of them."""

    def __init__(
        self,
        spells: SpellStore,
        blobs: BlobStore,
        checker: SchemaChecker,
        inspector: ModuleInspector,
        gate: SupplyChainGate,
        modules: ModuleSupply,
        evidences: PackageEvidences,
    ) -> None:
        self._spells = spells
        self._blobs = blobs
        self._checker = checker
        self._inspector = inspector
        self._gate = gate
        self._modules = modules
        self._evidences = evidences

    @activity.defn(name="publishing.inspect")
    async def inspect(self, request: PublishInput) -> InspectedPackage:
        """Check form, manifest, schemas and module of an uploaded archive.

        Effect: the module and what it may read are kept under their digests, its compiled code
            under engine and digest.
        Same twice: content-addressed; the same bytes, or as good ones, under the same key.
        Gives up on: PACKAGE_INVALID, MANIFEST_INVALID, SCHEMA_INVALID, MODULE_INVALID.
        Heartbeat: none; every check has its own time limit.
        """
        try:
            package = await self._read(request)
            inspected = await self._inspect(package)
            await self._evidences.keep(evidence_of(request, package))
        except SpellError as error:
            raise to_failure(error) from error
        return inspected

    @activity.defn(name="publishing.record")
    async def record(self, order: RecordOrder) -> PublishResult:
        """Decide on the package and record it as a version.

        Effect: decision and version, and the key claimed for a new spell, in one transaction;
            module and code in the runners' bucket, if the bus is there.
        Same twice: the version that is there with the same digest is the answer.
        Gives up on: SPELL_UNVERIFIED, VERSION_EXISTS, FORBIDDEN (the key is another maker's).
        Heartbeat: none; one short transaction.
        """
        try:
            decision = await self._pass_gate(order.package)
            result = await self._spells.record_version(order.account_id, order.package, decision)
        except SpellError as error:
            raise to_failure(error) from error
        await self._bring(order.package.module_digest)
        return result

    async def _bring(self, module_digest: str) -> None:
        """Let runners find the code now, so that the first cast need not wait for its way."""
        try:
            await self._modules.bring(module_digest)
        except SpellError as error:
            # The version is published; its first cast brings what is missing.
            activity.logger.warning("a module is not yet with the runners: %s", error)

    async def _pass_gate(self, package: InspectedPackage) -> Decision:
        decision = await self._gate.decide(package)
        if not decision.passed:
            raise SpellError(
                "SPELL_UNVERIFIED",
                "The package did not pass the supply-chain gate.",
                details=decision.model_dump(mode="json", include={"evidence", "reasons"}),
            )
        return decision

    async def _read(self, request: PublishInput) -> Package:
        archive = await self._blobs.get(package_key(request.package_digest))
        if archive is None or sha256_digest(archive) != request.package_digest:
            raise SpellError("INTERNAL", "The upload is gone from object storage; send it again.")
        return read_package(archive)

    async def _inspect(self, package: Package) -> InspectedPackage:
        manifest, files = package.manifest, package.files
        unsupported = unsupported_features(manifest, files[MANIFEST_FILE])
        if unsupported:
            raise manifest_invalid(unsupported)
        await self._checker.check_schemas(files[SCHEMA_FILE])
        assert manifest.runtime is not None
        limits, entry, module = manifest.run_limits(), manifest.runtime.entry, files[MODULE_FILE]
        facts, code = await self._inspector.inspect(module, entry, limits.memory_bytes_max)
        module_digest = sha256_digest(module)
        await self._modules.keep(module_digest, module, code)
        policy = await keep_resources(self._blobs, manifest.run_policy(), files)
        return InspectedPackage(
            spell_key=manifest.spell.key,
            version=manifest.spell.version,
            package_digest=package.digest,
            module_digest=module_digest,
            module_bytes=len(module),
            mode=manifest.execution.mode,
            visibility=manifest.spell.visibility,
            target=manifest.runtime.target,
            entry=entry,
            limits=limits,
            policy=policy,
            price=manifest.price(),
            manifest=manifest.model_dump(mode="json", exclude_none=True),
            schemas_json=files[SCHEMA_FILE].decode("utf-8"),
            module=facts,
        )


def evidence_of(request: PublishInput, package: Package) -> PackageEvidence:
    """What the supply-chain checks look at, of an upload whose form is right."""
    manifest, files = package.manifest, package.files
    sbom_file = next((name for name in SBOM_FILES if name in files), None)
    return PackageEvidence(
        package_digest=package.digest,
        account_id=request.account_id,
        spell_key=manifest.spell.key,
        version=manifest.spell.version,
        license=manifest.spell.license,
        sbom_file=sbom_file,
        sbom=files[sbom_file] if sbom_file else None,
        files={name: sha256_digest(content) for name, content in files.items()},
    )
