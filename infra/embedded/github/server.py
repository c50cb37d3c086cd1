"""What the routes of the local GitHub share."""

from dataclasses import dataclass, field

from infra.embedded.github.callers import Callers
from infra.embedded.github.rate_limits import RateLimits
from infra.embedded.github.state import State


@dataclass(frozen=True)
class Server:
    """State, who asks, and where the server is reached."""

    state: State
    callers: Callers
    base_url: str
    """Exactly as clients are told: PyGithub asserts that every URL has its host and port."""
    limits: RateLimits = field(default_factory=RateLimits)
