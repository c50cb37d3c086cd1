"""The GitHub user whom an account is connected with. See docs/github.md."""

from fastapi import APIRouter, Response

from api.deps import OwnerDep, ServicesDep
from schema.contracts.github_users import (
    AppInstallation,
    DeviceCode,
    Disconnected,
    GitHubStatus,
)

router = APIRouter(prefix="/v1/account", tags=["account"])

_PENDING = 202


@router.post("/github", status_code=201)
async def begin_connection(identity: OwnerDep, services: ServicesDep) -> DeviceCode:
    """Begin to connect a GitHub user: a code for a person to enter on GitHub's page.

    While one waits that is good for some minutes, it is that one.
    """
    return await services.github.begin(identity.caller.account_id)


@router.post("/github:complete", responses={_PENDING: {"model": GitHubStatus}})
async def complete_connection(
    identity: OwnerDep, services: ServicesDep, response: Response
) -> GitHubStatus:
    """Look once what came of the code; 202 while it waits: look again after its interval."""
    status = await services.github.complete(identity.caller.account_id)
    if status.pending is not None:
        response.status_code = _PENDING
        response.headers["Retry-After"] = str(status.pending.interval_seconds)
    return status


@router.get("/github")
async def get_connection(identity: OwnerDep, services: ServicesDep) -> GitHubStatus:
    """Whom the account is connected with; never a token."""
    return await services.github.status(identity.caller.account_id)


@router.get("/github/installations")
async def list_installations(identity: OwnerDep, services: ServicesDep) -> list[AppInstallation]:
    """Where the platform's GitHub App is installed that the user can see, and what it may there."""
    return await services.github_users.installations(identity.caller.account_id)


@router.delete("/github")
async def disconnect(identity: OwnerDep, services: ServicesDep) -> Disconnected:
    """Forget the GitHub user and their tokens, and end on GitHub what they granted."""
    return await services.github.disconnect(identity.caller.account_id)
