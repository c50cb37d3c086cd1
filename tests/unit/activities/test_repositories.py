"""Goal: only a maker's own repositories are offered, and only workflows that can be dispatched.

Method: the activity, over a GitHub that says what the test wants and real workflow files.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.publication_steps import PublicationSteps
from activities.repositories import RepositoryActivities
from infra.github.workflow_files import ALIASES_MAX, YamlWorkflowFiles
from schema.blob_keys import package_key
from schema.contracts.publish import OpenedPackage, PublicationEventKind, PublishInput, PublishStep
from schema.contracts.repositories import FoundRepositories, RepositoriesOrder
from schema.errors import SpellError
from schema.ids import sha256_digest
from schema.manifest import parse_manifest
from schema.package import build_package
from tests.support.fakes import MemoryBlobs, MemoryPublications, ScriptedRunBus
from tests.support.platform import verdict_for
from tests.support.publishing import ACCOUNT, a_publication

REPO, TEMPLATE = "acme/resizer", "acme/template"
SPELL = """\
manifest_version = 1

[spell]
key = "com.acme.resize"
name = "Resize"
version = "1.0.0"
description = "Resizes."
author = "Acme"
license = "Apache-2.0"

[execution]
mode = "workflow"
"""
WORKFLOW = f"""
[execution.workflow]
repo = "{REPO}"
workflow = "cast.yml"
ref = "main"
dispatch = "workflow_dispatch"
timeout_ms = 60_000
"""
CLONE = f"""
[execution.clone]
template_repo = "{TEMPLATE}"
license_url = "https://acme.example/license"
"""
CLONE_PRICE = """
[execution.clone.pricing]
model = "free"
"""
FREE = """
[pricing]
model = "free"
"""
RUNTIME = """
[runtime]
language = "wat"
target = "wasm32-wasip1"
timeout_ms = 1000
max_memory_mb = 1
max_output_mb = 1
fuel = 1000
"""
ON_ACTIONS = SPELL + WORKFLOW + FREE
ON_BOTH = SPELL + WORKFLOW + CLONE + CLONE_PRICE + FREE
CLONE_ONLY = SPELL.replace('"workflow"', '"clone"') + CLONE + FREE
IN_SERVICE = SPELL.replace('"workflow"', '"service"') + RUNTIME + FREE
GOOD = b"""\
run-name: ${{ inputs.cast_id }}
on:
  workflow_dispatch:
    inputs:
      cast_id: {required: true}
      inputs_url: {required: true}
jobs: {}
"""


@dataclass
class ToldGitHub:
    """The ports `RepositoryRights` and `WorkflowSources`."""

    own: frozenset[str] = frozenset({REPO, TEMPLATE})
    source: bytes = GOOD
    rights_error: SpellError | None = None
    source_error: SpellError | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def own_repository(self, account_id: str, repo: str) -> int | None:
        self.asked.append((account_id, repo))
        if self.rights_error is not None:
            raise self.rights_error
        return len(repo) if repo in self.own else None

    def workflow_source(self, repo: str, workflow: str, ref: str) -> bytes:
        self.asked.append((repo, workflow, ref))
        if self.source_error is not None:
            raise self.source_error
        return self.source


class Scene:
    """One upload, and the activity that looks at its repositories."""

    def __init__(
        self, github: ToldGitHub, text: str = ON_ACTIONS, *, with_app: bool = True
    ) -> None:
        self.text = text
        self.blobs, self.publications = MemoryBlobs(), MemoryPublications()
        steps = PublicationSteps(self.publications, self.blobs, ScriptedRunBus(verdict_for))
        self.activities = RepositoryActivities(
            self.blobs, github, github if with_app else None, YamlWorkflowFiles(), steps
        )

    async def check(self) -> FoundRepositories | None:
        manifest = parse_manifest(self.text.encode())
        opened = OpenedPackage(
            spell_key=manifest.spell.key,
            version=manifest.spell.version,
            actions=manifest.actions(),
            clone=manifest.clone(),
        )
        request = await self._upload()
        return await self.activities.check(RepositoriesOrder(request=request, opened=opened))

    async def _upload(self) -> PublishInput:
        files = {"manifest.toml": self.text.encode()}
        if "[execution.clone]" not in self.text or "[execution.workflow]" in self.text:
            files["schema.json"] = b'{"input":{},"output":{}}'
        if "[runtime]" in self.text:
            files["spell.wasm"] = b"\0asm\x01\0\0\0"
        archive = build_package(files)
        digest = sha256_digest(archive)
        await self.blobs.put(package_key(digest), archive)
        return a_publication(package_digest=digest, package_bytes=len(archive))

    async def refused(self) -> ApplicationError:
        with pytest.raises(ApplicationError) as caught:
            await self.check()
        return caught.value

    async def faults(self) -> list[dict[str, Any]]:
        """What MANIFEST_INVALID lists."""
        failure = await self.refused()
        assert (failure.type, failure.non_retryable) == ("MANIFEST_INVALID", True)
        errors: list[dict[str, Any]] = failure.details[0]["details"]["errors"]
        return errors

    def line(self, number: int) -> str:
        return self.text.splitlines()[number - 1]


async def test_an_own_repository_with_a_good_workflow_passes_and_is_told() -> None:
    github = ToldGitHub()
    scene = Scene(github)
    assert await scene.check() == FoundRepositories(actions_id=len(REPO))
    assert github.asked == [(ACCOUNT, REPO), (REPO, "cast.yml", "main")]
    step = PublishStep.REPOSITORIES
    assert scene.publications.told == [
        (PublicationEventKind.STEP_STARTED, step, {}),
        (PublicationEventKind.STEP_ENDED, step, {"repositories": [REPO]}),
    ]


async def test_a_spell_of_the_fleet_asks_github_for_nothing() -> None:
    github = ToldGitHub(rights_error=SpellError("GITHUB_NOT_CONNECTED"))
    scene = Scene(github, IN_SERVICE, with_app=False)
    await scene.check()
    assert github.asked == []


async def test_a_template_is_looked_at_for_rights_and_for_nothing_else() -> None:
    github = ToldGitHub()
    await Scene(github, CLONE_ONLY, with_app=False).check()
    assert github.asked == [(ACCOUNT, TEMPLATE)]


async def test_repositories_that_are_not_the_makers_are_named_with_their_lines() -> None:
    github = ToldGitHub(own=frozenset())
    scene = Scene(github, ON_BOTH)
    found = await scene.faults()
    assert [error["field"] for error in found] == [
        "execution.workflow.repo",
        "execution.clone.template_repo",
    ]
    for error, repo in zip(found, (REPO, TEMPLATE), strict=True):
        assert repo in error["message"]
        assert repo in scene.line(error["line"])
    assert github.asked == [(ACCOUNT, REPO), (ACCOUNT, TEMPLATE)], "no file of a stranger is read"
    assert [kind for kind, _, _ in scene.publications.told] == [PublicationEventKind.STEP_STARTED]


@pytest.mark.parametrize(
    ("change", "member", "says"),
    [
        (lambda s: s.replace(b"${{ inputs.cast_id }}", b"cast"), "workflow", "needs `run-name:"),
        (lambda s: s.replace(b"inputs_url", b"address"), "workflow", "needs the input inputs_url"),
        (lambda s: s.replace(b"workflow_dispatch", b"push"), "dispatch", "needs `on: workflow_di"),
        (lambda _: b"{", "workflow", "is no valid YAML"),
        (lambda _: b"\xff\xfe\x00", "workflow", f"names a file in {REPO}"),
        (lambda _: b"- a list", "workflow", "is no mapping"),
        (lambda _: b"", "workflow", "is no mapping"),
        (lambda _: b"a: &a [x]\n" + b"b: *a\n" * (ALIASES_MAX + 1), "workflow", "too many aliases"),
        (lambda _: b"x" * 1_000_000, "workflow", "is larger than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_file_that_no_cast_could_be_dispatched_to_is_refused_by_its_member(
    change: Callable[[bytes], bytes], member: str, says: str
) -> None:
    scene = Scene(ToldGitHub(source=change(GOOD)))
    found = await scene.faults()
    told = [error for error in found if says in error["message"]]
    assert [error["field"] for error in told] == [f"execution.workflow.{member}"]
    assert scene.line(told[0]["line"]).startswith(member)


@pytest.mark.parametrize("of_rights", [True, False], ids=["rights", "file"])
@pytest.mark.parametrize(
    ("error", "for_good"),
    [
        (SpellError("GITHUB_NOT_CONNECTED"), True),
        (SpellError("FORBIDDEN_REPO", details={"install_url": "https://x"}), True),
        (SpellError("WORKFLOW_NOT_FOUND"), True),
        (SpellError("SERVICE_UNAVAILABLE"), False),
        (SpellError("RATE_LIMITED", retry_after=9), False),
    ],
    ids=lambda value: value.code if isinstance(value, SpellError) else "",
)
async def test_what_github_says_leaves_as_it_is(
    error: SpellError,
    for_good: bool,
    of_rights: bool,
) -> None:
    github = ToldGitHub()
    if of_rights:
        github.rights_error = error
    else:
        github.source_error = error
    failure = await Scene(github).refused()
    assert (failure.type, failure.non_retryable) == (error.code, for_good)
    assert failure.details[0]["details"] == error.details


async def test_without_an_app_no_workflow_can_be_offered() -> None:
    failure = await Scene(ToldGitHub(), with_app=False).refused()
    assert failure.type == "MODE_UNAVAILABLE"


async def test_a_second_look_asks_github_again() -> None:
    github = ToldGitHub()
    scene = Scene(github)
    await scene.check()
    github.own = frozenset()
    assert len(await scene.faults()) == 1
