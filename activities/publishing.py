"""Publishing: from an uploaded archive to a version that can be cast."""

from collections.abc import Collection
from typing import Any

from temporalio import activity

from activities._failures import to_failure
from activities._packages import uploaded_package
from activities._resources import keep_resources
from activities.module_supply import ModuleSupply
from activities.ports import BlobStore, ModuleInspector, Publications, SchemaChecker, SpellStore
from activities.publication_steps import PublicationSteps
from schema.blob_keys import bundle_key
from schema.contracts.plans import Mode
from schema.contracts.publish import (
    ConcludeOrder,
    InspectedPackage,
    OpenedPackage,
    PublishInput,
    PublishResult,
    PublishStep,
    RecordOrder,
)
from schema.contracts.supply_chain import PackageEvidence
from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.manifest import unsupported_features
from schema.package import MANIFEST_FILE, MODULE_FILE, SCHEMA_FILE, Package
from schema.packaging.manifest_errors import manifest_invalid
from schema.packaging.names import SBOM_FILES
from schema.supply_chain.identities import expected_signer


class PublishingActivities:
    """Opens packages and makes versions of them."""

    def __init__(
        self,
        spells: SpellStore,
        publications: Publications,
        blobs: BlobStore,
        checker: SchemaChecker,
        inspector: ModuleInspector,
        modules: ModuleSupply,
        steps: PublicationSteps,
        granted: Collection[Mode] = (Mode.SERVICE,),
    ) -> None:
        self._spells = spells
        self._publications = publications
        self._blobs = blobs
        self._checker = checker
        self._inspector = inspector
        self._modules = modules
        self._steps = steps
        self._granted = granted

    @activity.defn(name="publishing.open")
    async def open(self, request: PublishInput) -> OpenedPackage:
        """Check the archive's form, manifest and schemas, and lay out what the gate looks at.

        Effect: the evidence is kept in object storage while the publication runs.
        Same twice: the same evidence under the same key.
        Gives up on: PACKAGE_INVALID, MANIFEST_INVALID, SCHEMA_INVALID.
        Heartbeat: none; every check has its own time limit.
        """
        async with self._steps.step(request, PublishStep.OPEN) as found:
            package = await uploaded_package(self._blobs, request)
            manifest, files = package.manifest, package.files
            unsupported = unsupported_features(manifest, files[MANIFEST_FILE], self._granted)
            if unsupported:
                raise manifest_invalid(unsupported)
            if SCHEMA_FILE in files:
                await self._checker.check_schemas(files[SCHEMA_FILE])
            await self._steps.keep(
                request, evidence_of(request, package, await self._bundle(request))
            )
            opened = OpenedPackage(
                spell_key=manifest.spell.key,
                version=manifest.spell.version,
                actions=manifest.actions(),
                clone=manifest.clone(),
            )
            found.update(spell_key=opened.spell_key, version=opened.version)
        return opened

    @activity.defn(name="publishing.module")
    async def module(self, request: PublishInput) -> InspectedPackage:
        """Validate and compile the module, in a limited process; without mode service, nothing.

        Effect: the module and what it may read are kept under their digests, its compiled code
            under engine and digest.
        Same twice: content-addressed; the same bytes, or as good ones, under the same key.
        Gives up on: MODULE_INVALID.
        Heartbeat: none; the process has its own time limit.
        """
        async with self._steps.step(request, PublishStep.MODULE) as found:
            inspected = await self._inspect(await uploaded_package(self._blobs, request))
            found.update(module_digest=inspected.module_digest)
        return inspected

    @activity.defn(name="publishing.record")
    async def record(self, order: RecordOrder) -> PublishResult:
        """Record a package that passed as a version.

        Effect: evidence, decision and version, the key claimed for a new spell, its signer pinned
            on first use, and the log's entry, in one transaction; module and code in the runners'
            bucket, if the bus is there.
        Same twice: the version that is there with the same digest is the answer.
        Gives up on: VERSION_EXISTS, FORBIDDEN (the key is another maker's), SPELL_UNVERIFIED
            (another signer was pinned meanwhile).
        Heartbeat: none; one short transaction.
        """
        async with self._steps.step(order.request, PublishStep.RECORD) as found:
            evidence = await self._steps.evidence(order.request)
            result = await self._spells.record_version(evidence, order.package, order.decision)
            found.update(created=result.created)
        if order.package.module_digest is not None:
            await self._bring(order.package.module_digest)
        return result

    @activity.defn(name="publishing.conclude")
    async def conclude(self, order: ConcludeOrder) -> None:
        """Tell how the publication ended.

        Effect: its state and last event, and the log's entry of a refusal, in one transaction.
        Same twice: the first end stays.
        Gives up on: nothing.
        Heartbeat: none; one short transaction.
        """
        try:
            await self._publications.conclude(order.request.publication_id, order.result)
            await self._steps.forget(order.request)
        except SpellError as error:
            raise to_failure(error) from error

    async def _bring(self, module_digest: str) -> None:
        """Let runners find the code now, so that the first cast need not wait for its way."""
        try:
            await self._modules.bring(module_digest)
        except SpellError as error:
            # The version is published; its first cast brings what is missing.
            activity.logger.warning("a module is not yet with the runners: %s", error)

    async def _bundle(self, request: PublishInput) -> bytes | None:
        if request.bundle_digest is None:
            return None
        bundle = await self._blobs.get(bundle_key(request.bundle_digest))
        if bundle is None or sha256_digest(bundle) != request.bundle_digest:
            raise SpellError("INTERNAL", "The signature is gone from object storage; send it again")
        return bundle

    async def _inspect(self, package: Package) -> InspectedPackage:
        manifest, files = package.manifest, package.files
        schemas = files.get(SCHEMA_FILE)
        inspected = InspectedPackage(
            spell_key=manifest.spell.key,
            version=manifest.spell.version,
            package_digest=package.digest,
            mode=manifest.execution.mode,
            modes=manifest.modes(),
            fallback=manifest.execution.fallback,
            visibility=manifest.spell.visibility,
            actions=manifest.actions(),
            clone=manifest.clone(),
            price=manifest.price(),
            manifest=manifest.model_dump(mode="json", exclude_none=True),
            schemas_json=None if schemas is None else schemas.decode("utf-8"),
        )
        if not inspected.in_service:
            return inspected
        return inspected.model_copy(update=await self._inspect_module(package))

    async def _inspect_module(self, package: Package) -> dict[str, Any]:
        """What there is to know of a package that runs in the fleet."""
        manifest, module = package.manifest, package.files[MODULE_FILE]
        assert manifest.runtime is not None
        limits, entry = manifest.run_limits(), manifest.runtime.entry
        facts, code = await self._inspector.inspect(module, entry, limits.memory_bytes_max)
        module_digest = sha256_digest(module)
        await self._modules.keep(module_digest, module, code)
        return {
            "module_digest": module_digest,
            "module_bytes": len(module),
            "target": manifest.runtime.target,
            "entry": entry,
            "limits": limits,
            "policy": await keep_resources(self._blobs, manifest.run_policy(), package.files),
            "module": facts,
        }


def evidence_of(request: PublishInput, package: Package, bundle: bytes | None) -> PackageEvidence:
    """What the supply-chain checks look at, of an upload whose form is right."""
    manifest, files = package.manifest, package.files
    sbom_file = next((name for name in SBOM_FILES if name in files), None)
    return PackageEvidence(
        package_digest=package.digest,
        account_id=request.account_id,
        spell_key=manifest.spell.key,
        version=manifest.spell.version,
        license=manifest.spell.license,
        expected=expected_signer(manifest.supply_chain),
        sbom_file=sbom_file,
        sbom=files[sbom_file] if sbom_file else None,
        bundle=bundle,
        files={name: sha256_digest(content) for name, content in files.items()},
    )
