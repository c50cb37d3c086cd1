"""Which runs may not be: those of a package or a module that is revoked."""

from runner.ports import RevokedDigests
from schema.contracts.run import RunRequest


def is_revoked(request: RunRequest, revoked: RevokedDigests) -> bool:
    """Whether the run's package or module was revoked when that was last looked up."""
    digests = (request.package_digest, request.module_digest)
    return any(digest is not None and revoked.is_revoked(digest) for digest in digests)
