"""The repositories that a manifest names: the maker's own, and fit to be dispatched to."""

import asyncio

from temporalio import activity

from activities._packages import uploaded_package
from activities.ports import BlobStore
from activities.publication_steps import PublicationSteps
from activities.repository_ports import RepositoryRights, WorkflowFiles, WorkflowSources
from schema.actions_files import workflow_faults
from schema.contracts.plans import ActionsTarget
from schema.contracts.publish import OpenedPackage, PublishInput, PublishStep
from schema.contracts.repositories import FoundRepositories, RepositoriesOrder
from schema.errors import SpellError
from schema.package import MANIFEST_FILE
from schema.packaging.manifest_errors import field_error, manifest_invalid
from schema.packaging.toml_lines import Path, member_lines

Faults = list[tuple[Path, str]]

_REPO: Path = ("execution", "workflow", "repo")
_FILE: Path = ("execution", "workflow", "workflow")
_TEMPLATE: Path = ("execution", "clone", "template_repo")


class RepositoryActivities:
    """Looks at repositories before a version that names them is published.

    Args:
        blobs: where uploads are.
        rights: what the maker's GitHub user may do.
        sources: where the files of GitHub Actions workflows are; None without a GitHub App.
        files: reads them.
        steps: of publications.
    """

    def __init__(
        self,
        blobs: BlobStore,
        rights: RepositoryRights,
        sources: WorkflowSources | None,
        files: WorkflowFiles,
        steps: PublicationSteps,
    ) -> None:
        self._blobs = blobs
        self._rights = rights
        self._sources = sources
        self._files = files
        self._steps = steps

    @activity.defn(name="repositories.check")
    async def check(self, order: RepositoriesOrder) -> FoundRepositories | None:
        """Make sure that the maker may push there, and that a cast can be dispatched.

        Histories of before hold no answer; there is one always now.

        Effect: none but the publication's events.
        Same twice: GitHub is asked again.
        Gives up on: MANIFEST_INVALID, with field and line; GITHUB_NOT_CONNECTED; FORBIDDEN_REPO,
            the platform's App is not installed there; WORKFLOW_NOT_FOUND;
            MODE_UNAVAILABLE, without an App.
        Heartbeat: none; a few requests, each with its time limit.
        """
        async with self._steps.step(order.request, PublishStep.REPOSITORIES) as found:
            named = _named(order.opened)
            ids = {
                path: await self._rights.own_repository(order.request.account_id, repo)
                for path, repo in named
            }
            faults: Faults = [
                (path, f"must be one that your GitHub user may push to: {repo} is not")
                for path, repo in named
                if ids[path] is None
            ]
            if order.opened.actions is not None and not faults:
                faults = await self._workflow(order.opened.actions)
            if faults:
                raise await self._refusal(order.request, faults)
            found.update(repositories=[repo for _, repo in named])
            return FoundRepositories(actions_id=ids.get(_REPO))

    async def _workflow(self, target: ActionsTarget) -> Faults:
        if self._sources is None:
            raise SpellError("MODE_UNAVAILABLE", "This installation has no GitHub App.")
        source = await asyncio.to_thread(
            self._sources.workflow_source, target.repo, target.workflow, target.ref
        )
        try:
            facts = await asyncio.to_thread(self._files.read, source)
        except ValueError as error:
            return [(_FILE, f"names a file in {target.repo} that {error}")]
        return list(workflow_faults(target, facts))

    async def _refusal(self, request: PublishInput, faults: Faults) -> SpellError:
        package = await uploaded_package(self._blobs, request)
        lines = member_lines(package.files[MANIFEST_FILE].decode("utf-8"))
        return manifest_invalid([field_error(path, message, lines) for path, message in faults])


def _named(opened: OpenedPackage) -> list[tuple[Path, str]]:
    """The repositories of a manifest, each with the member that names it."""
    named: list[tuple[Path, str]] = []
    if opened.actions is not None:
        named.append((_REPO, opened.actions.repo))
    if opened.clone is not None:
        named.append((_TEMPLATE, opened.clone.template_repo))
    return named
