"""What is noted of an Actions run when it has ended: enough to look it up, and to check its price.

What GitHub says stands apart from what the platform saw itself. What the run says of itself is in
neither: nobody charges or judges by it.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from schema.contracts.actions import GitCommit, RunNumber
from schema.contracts.artifacts import ArtifactName
from schema.contracts.base import Contract
from schema.contracts.plans import ActionsTarget, Mode
from schema.ids import Digest
from schema.pricing import Price

_GitHubText = Annotated[str, StringConstraints(max_length=2_048)]


class GitHubWord(Contract):
    """What GitHub says of the run. Times are of its clock."""

    commit: GitCommit | None = None
    """What was checked out there; None where GitHub did not say."""
    run_id: RunNumber
    run_attempt: Annotated[int, Field(ge=1)]
    html_url: _GitHubText
    conclusion: Annotated[str, StringConstraints(max_length=200)] | None = None
    """None of a run that was not waited for until its end."""
    started_at: AwareDatetime
    """When its first job began."""
    ended_at: AwareDatetime | None = None
    """When its last job ended."""


class RecordedArtifact(Contract):
    """A file that the run left beside its output."""

    name: ArtifactName
    digest: Digest
    """Over salt and content, as those of input and output."""
    bytes: Annotated[int, Field(ge=0)]


class ActionsRecord(ActionsTarget):
    """What ran on GitHub Actions for a cast, and what it gave."""

    mode: Literal[Mode.WORKFLOW]
    price: Price
    github: GitHubWord
    input_digest: Digest
    """Of what the address of the inputs gave; over salt and content."""
    output_digest: Digest | None = None
    """None when the run gave no output in good order."""
    artifacts: list[RecordedArtifact] = Field(default_factory=list)
