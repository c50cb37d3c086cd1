"""The sections of manifest.toml: every member, its type and its bounds.

`docs/package.md` has the same as a table. Anything that is not here is refused.
"""

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from schema import limits as platform
from schema.contracts.base import Contract
from schema.contracts.plans import Dispatch, Mode
from schema.contracts.run import Target
from schema.ids import SpellKey, Version
from schema.pricing import Price

LIST_ENTRIES_MAX = 32
TAGS_MAX = 16
_ARTIFACT_MB_MAX = platform.ARTIFACT_BYTES_MAX // platform.MIB


class Visibility(StrEnum):
    """Who finds a spell: everybody, who knows its key, or only its maker."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


def _matches(pattern: str, remedy: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(remedy)
        return text

    return AfterValidator(check)


def _one_of(choices: type[StrEnum]) -> BeforeValidator:
    """Strict validation takes no text for an enum; this does, and nothing else."""

    def choose(value: Any) -> Any:
        if value not in list(choices):
            raise ValueError(f"must be one of {', '.join(choices)}")
        return choices(value)

    return BeforeValidator(choose)


def _unique(entries: list[str]) -> list[str]:
    if len(set(entries)) != len(entries):
        raise ValueError("must not hold the same entry twice")
    return entries


# Texts are shown in terminals and pages: no control characters, no line separators and nothing
# that turns the direction of writing around.
_UNSEEN = "\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069"
_LINE = _matches(
    rf"(?!\s)[^{_UNSEEN}]+(?<!\s)",
    "must be one line without control characters and without blanks at its ends",
)
_PARAGRAPHS = _matches(
    rf"(?:[^{_UNSEEN}]|\n)*", "must not hold control characters other than line ends"
)

Name = Annotated[str, Field(min_length=1, max_length=80), _LINE]
Person = Annotated[str, Field(min_length=1, max_length=128), _LINE]
Line = Annotated[str, Field(min_length=1, max_length=512), _LINE]
Paragraphs = Annotated[str, Field(min_length=1, max_length=2_000), _PARAGRAPHS]
Slug = Annotated[
    str,
    Field(max_length=32),
    _matches(r"[a-z0-9][a-z0-9-]*", "must be lower-case letters, digits and hyphens"),
]
LicenseText = Annotated[
    str,
    Field(max_length=256),
    _matches(r"[A-Za-z0-9(][A-Za-z0-9.+() :-]*", "must be an SPDX expression, such as Apache-2.0"),
]
HttpsUrl = Annotated[
    str,
    Field(max_length=512),
    _matches(
        r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:[/?#][!#-;=?-\[\]_a-z~]*)?",
        "must be an https:// address without a user name",
    ),
]
ResourcePath = Annotated[
    str,
    Field(max_length=platform.PACKAGE_NAME_BYTES_MAX),
    _matches(r"resources/.+\.(?:png|svg|webp)", "must be a png, svg or webp under resources/"),
]
Repository = Annotated[
    str,
    Field(max_length=140),
    _matches(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+", "must be owner/name on GitHub"),
]
WorkflowFile = Annotated[
    str,
    Field(max_length=100),
    _matches(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.ya?ml", "must be a file name such as run.yml"),
]
GitRef = Annotated[
    str,
    Field(max_length=200),
    _matches(
        r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]*", "must be a branch, a tag or a commit, as text"
    ),
]
SignerRef = Annotated[
    str,
    Field(max_length=200),
    _matches(
        r"(?!.*\.\.)refs/[A-Za-z0-9][A-Za-z0-9._/-]*\*?",
        "must be a whole git ref such as refs/heads/main or refs/tags/*",
    ),
]
ExportName = Annotated[
    str,
    Field(max_length=128),
    _matches(r"[A-Za-z_][A-Za-z0-9_.$:/-]*", "must be the name of an exported function"),
]
Language = Annotated[
    str,
    Field(max_length=32),
    _matches(r"[A-Za-z][A-Za-z0-9+#. -]*", "must be the name of a programming language"),
]
HostPattern = Annotated[
    str,
    Field(max_length=253),
    _matches(
        r"(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
        "must be a lower-case host name such as api.example.com or *.example.com, not an address",
    ),
]
ReadablePath = Annotated[
    str,
    Field(max_length=platform.PACKAGE_NAME_BYTES_MAX),
    _matches(
        rf"resources(?:/[^/{_UNSEEN}]+)*",
        "must be `resources`, or a file or folder under resources/, without a / at its end",
    ),
]
VariableName = Annotated[
    str,
    Field(max_length=128),
    _matches(r"[A-Za-z_][A-Za-z0-9_]*", "must be the name of an environment variable"),
]

_FEW = Field(max_length=LIST_ENTRIES_MAX)
_UNIQUE = AfterValidator(_unique)

ReadablePaths = Annotated[list[ReadablePath], _FEW, _UNIQUE]
WritablePaths = Annotated[list[Literal["scratch", "artifacts"]], _FEW, _UNIQUE]
Hosts = Annotated[list[HostPattern], _FEW, _UNIQUE]
Variables = Annotated[list[VariableName], _FEW, _UNIQUE]
Tags = Annotated[list[Slug], Field(max_length=TAGS_MAX), _UNIQUE]


class SpellSection(Contract):
    """`[spell]`: who and what."""

    key: SpellKey
    name: Name
    version: Version
    description: Paragraphs
    author: Person
    license: LicenseText
    homepage: HttpsUrl | None = None
    icon: ResourcePath | None = None
    visibility: Annotated[Visibility, _one_of(Visibility)] = Visibility.PUBLIC


class WorkflowSection(Contract):
    """`[execution.workflow]`: the GitHub Actions workflow that a cast dispatches."""

    repo: Repository
    workflow: WorkflowFile
    ref: GitRef
    dispatch: Annotated[Dispatch, _one_of(Dispatch)]
    timeout_ms: Annotated[int, Field(ge=1_000, le=platform.ACTIONS_TIMEOUT_MS_MAX)]
    max_artifact_mb: Annotated[int, Field(ge=1, le=_ARTIFACT_MB_MAX)] = _ARTIFACT_MB_MAX


class CloneSection(Contract):
    """`[execution.clone]`: the template repository that is bought."""

    template_repo: Repository
    license_url: HttpsUrl
    pricing: Price | None = None


class ExecutionSection(Contract):
    """`[execution]`: how it runs. A spell offers each mode that has a section."""

    mode: Annotated[Mode, _one_of(Mode)]
    fallback: Annotated[Mode, _one_of(Mode)] | None = None
    workflow: WorkflowSection | None = None
    clone: CloneSection | None = None


class PolicySection(Contract):
    """`[runtime.policy]`: what the sandbox opens; nothing unless listed."""

    fs_read: ReadablePaths = Field(default_factory=list)
    fs_write: WritablePaths = Field(default_factory=list)
    net_allow: Hosts = Field(default_factory=list)
    env_vars: Variables = Field(default_factory=list)


class RuntimeSection(Contract):
    """`[runtime]`: the module and the limits of one run. The limits are also the price ceiling."""

    entry: ExportName = "_start"
    language: Language
    target: Annotated[Target, _one_of(Target)]
    timeout_ms: Annotated[int, Field(ge=1, le=platform.TIMEOUT_MS_MAX)]
    max_memory_mb: Annotated[int, Field(ge=1, le=platform.MEMORY_MB_MAX)]
    max_output_mb: Annotated[int, Field(ge=1, le=platform.OUTPUT_MB_MAX)]
    fuel: Annotated[int, Field(ge=1, le=platform.FUEL_MAX)]
    max_cpu_ms: Annotated[int, Field(ge=1, le=platform.TIMEOUT_MS_MAX)] | None = None
    max_host_calls: Annotated[int, Field(ge=1, le=platform.HOST_CALLS_MAX)] = (
        platform.HOST_CALLS_DEFAULT
    )
    max_scratch_mb: Annotated[int, Field(ge=1, le=platform.SCRATCH_MB_MAX)] = (
        platform.SCRATCH_MB_DEFAULT
    )
    max_artifacts_mb: Annotated[int, Field(ge=1, le=platform.RUN_ARTIFACTS_MB_MAX)] = (
        platform.RUN_ARTIFACTS_MB_DEFAULT
    )
    max_net_requests: Annotated[int, Field(ge=1, le=platform.NET_REQUESTS_MAX)] = (
        platform.NET_REQUESTS_DEFAULT
    )
    max_net_mb: Annotated[int, Field(ge=1, le=platform.NET_MB_MAX)] = platform.NET_MB_DEFAULT
    deterministic: bool | None = None
    retry_safe: bool = False
    policy: PolicySection = PolicySection()


class InputOutputSection(Contract):
    """`[io]`: what goes in and out."""

    input: Literal["application/json"] = "application/json"
    output: Literal["application/json"] = "application/json"
    # `schema` is a method of every pydantic model.
    schema_file: Annotated[Literal["schema.json"], Field(alias="schema")] = "schema.json"


class SupplyChainSection(Contract):
    """`[supply_chain]`: where the bill of materials is and who signs."""

    sbom: Literal["sbom.spdx.json", "sbom.cdx.json"] | None = None
    identity: Line | None = None
    issuer: HttpsUrl | None = None
    repository: Repository | None = None
    ref: SignerRef | None = None


class MetadataSection(Contract):
    """`[metadata]`: how it is found."""

    tags: Tags = Field(default_factory=list)
    category: Slug | None = None
    repository: HttpsUrl | None = None
    changelog: Paragraphs | None = None
