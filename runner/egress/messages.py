"""What is asked of the egress process, and what it answers. Both sides import these.

The models hold whatever a guest wrote, so they check shapes only; what may be asked for is decided
where the request is executed.
"""

from typing import Annotated, Literal

from pydantic import Field

from schema.contracts.base import Contract
from schema.contracts.run import Count

Refusal = Literal["denied", "limit", "invalid", "unreachable"]
"""Why there is no response.

- `denied`: the policy forbids the scheme, host, port or address.
- `limit`: the bytes or the time of the run are used up.
- `invalid`: the request is malformed.
- `unreachable`: no valid response came (name, connection, TLS or protocol).
"""

SUBJECT_CHARS_MAX = 253

Headers = list[tuple[str, str]]


class FetchRequest(Contract):
    """One HTTP request as a guest wrote it, unchecked."""

    method: str
    url: str
    headers: Headers = Field(default_factory=list)
    body: bytes = b""


class FetchBounds(Contract):
    """What one request may reach and use: the policy of its run, and what is left of its limits."""

    net_allow: list[str]
    """Host names; `*.` and a name stands for every name below it, but not for the name itself."""
    bytes_max: int
    """Request and response together, heads included, over all redirects."""
    seconds_max: float
    """From the request to the last byte of the answer, over all redirects."""


class FetchAnswer(Contract):
    """A response, or why there is none. The guest's half of it comes from a stranger's server."""

    status: Annotated[int, Field(ge=0, le=599)] = 0
    """HTTP status; 0 when refused."""
    headers: Headers = Field(default_factory=list)
    url: str = ""
    """Where the response came from, after redirects."""
    body: bytes = b""
    bytes_used: Count = 0
    """What crossed the network as HTTP, also when refused midway; never over `bytes_max`."""
    refusal: Refusal | None = None
    subject: Annotated[str, Field(max_length=SUBJECT_CHARS_MAX)] = ""
    """The host that was asked for, or what stood in its place: for the record of violations."""
