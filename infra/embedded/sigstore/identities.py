"""Who can sign at the local Sigstore: a person by e-mail address, or a GitHub-like workflow.

Names and numbers of the certificate extensions: Fulcio's `docs/oid-info.md`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Protocol

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

_GITHUB = "https://github.com"
_Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
# One "@" between things that an IA5String of a certificate can hold.
_Address = Annotated[
    str, StringConstraints(max_length=254, pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,189}$")
]


class Identity(Protocol):
    """What the token says of its bearer, and what the certificate then says."""

    def claims(self) -> dict[str, Any]:
        """Members of the token, besides those that every token has."""

    def name(self) -> x509.GeneralName:
        """The certificate's subject alternative name."""

    def extensions(self) -> Mapping[int, str]:
        """Values of Fulcio's extensions, by the last number of their OIDs; without the issuer."""


class Person(BaseModel):
    """Somebody with an e-mail address."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    email: _Address

    def claims(self) -> dict[str, Any]:
        """As OpenID Connect Core 5.1 names them."""
        return {"sub": self.email, "email": self.email, "email_verified": True}

    def name(self) -> x509.GeneralName:
        """The address."""
        return x509.RFC822Name(self.email)

    def extensions(self) -> Mapping[int, str]:
        """None: the address is the name."""
        return {}


class Workflow(BaseModel):
    """A run of a workflow in a repository, with the claims that GitHub's tokens have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    repository: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,39}/[A-Za-z0-9._-]{1,100}$")
    ]
    """`owner/name`."""
    ref: Annotated[str, StringConstraints(pattern=r"^refs/[A-Za-z0-9._/-]{1,195}$")] = (
        "refs/heads/main"
    )
    workflow: _Name = "publish"
    """Its name; its file is `.github/workflows/<name>.yml`."""
    sha: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}$")] = "0" * 40
    event_name: _Name = "push"
    runner_environment: Literal["github-hosted", "self-hosted"] = "github-hosted"
    repository_visibility: Literal["public", "private", "internal"] = "public"
    run_id: Annotated[int, Field(ge=1, le=2**53)] = 1

    def claims(self) -> dict[str, Any]:
        """As GitHub's OIDC tokens name them."""
        return {
            "sub": f"repo:{self.repository}:ref:{self.ref}",
            "repository_owner": self._owner,
            "job_workflow_ref": self._file_at_ref,
            **self.model_dump(),
        }

    def name(self) -> x509.GeneralName:
        """The address of the workflow's file at its ref."""
        return x509.UniformResourceIdentifier(f"{_GITHUB}/{self._file_at_ref}")

    def extensions(self) -> Mapping[int, str]:
        """All of .1.2 to .1.22 but .1.7, which is a kind of name."""
        repository, workflow = f"{_GITHUB}/{self.repository}", f"{_GITHUB}/{self._file_at_ref}"
        return {
            2: self.event_name,
            3: self.sha,
            4: self.workflow,
            5: self.repository,
            6: self.ref,
            9: workflow,
            10: self.sha,
            11: self.runner_environment,
            12: repository,
            13: self.sha,
            14: self.ref,
            # GitHub's numbers of repository and owner: any will do, as long as it stays the same.
            15: str(_number(self.repository)),
            16: f"{_GITHUB}/{self._owner}",
            17: str(_number(self._owner)),
            18: workflow,
            19: self.sha,
            20: self.event_name,
            21: f"{repository}/actions/runs/{self.run_id}/attempts/1",
            22: self.repository_visibility,
        }

    @property
    def _owner(self) -> str:
        return self.repository.partition("/")[0]

    @property
    def _file_at_ref(self) -> str:
        return f"{self.repository}/.github/workflows/{self.workflow}.yml@{self.ref}"


def identity_of(claims: Mapping[str, Any]) -> Person | Workflow:
    """The identity that a request for a token, or a token, names.

    Raises:
        ValueError: it names none; pydantic's says which member is wrong.
    """
    if "repository" in claims:
        return Workflow.model_validate(
            {name: claims[name] for name in Workflow.model_fields if name in claims}
        )
    return Person.model_validate({"email": claims.get("email")})


def _number(name: str) -> int:
    return int.from_bytes(name.encode()[-4:].rjust(4, b"\0"))
