"""Goal: copies of templates are made once, and set up. Method: the adapter on the local GitHub."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.github.app import GitHubApp
from infra.github.templates import GitHubTemplates
from schema.contracts.purchases import PurchaseInput, PurchaseOffer, PurchaseOrder
from schema.errors import SpellError
from tests.support.local_github import APP_ID, LocalGitHub, local_github

BUYERS = {"administration": "write", "contents": "write", "pull_requests": "write"}
COPY = "buyer/copy"
LICENSE = "https://example.com/license"
ORDER = PurchaseOrder(
    request=PurchaseInput(
        purchase_id=f"pur_{'a' * 16}_{'b' * 26}",
        account_id="acct_" + "a" * 16,
        api_key_id="key_" + "a" * 16,
        fingerprint="a" * 26,
        spell_key="com.example.starter",
        repository=COPY,
    ),
    offer=PurchaseOffer(
        version="1.2.0",
        package_digest="sha256:" + "0" * 64,
        maker_account_id="acct_" + "b" * 16,
        template_repo="maker/starter",
        license_url=LICENSE,
        currency="USD",
        price_micros=20_000_000,
    ),
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LocalGitHub]:
    with local_github(tmp_path) as started:
        started.repository("maker/starter", {"README.md": b"Start here."}, is_template=True)
        started.owner("buyer")
        started.install("maker")
        started.install("buyer", permissions=BUYERS)
        yield started


@pytest.fixture
def host(server: LocalGitHub) -> GitHubTemplates:
    return GitHubTemplates(
        GitHubApp(
            api_url=server.url,
            pages_url=server.url,
            app_id=str(APP_ID),
            slug="spell-platform",
            key=server.key,
        )
    )


@pytest.fixture
def token(server: LocalGitHub) -> str:
    return server.user_token("buyer")


def seen(server: LocalGitHub, token: str, path: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return server.http.get(f"/repos/{COPY}{path}", headers=headers).raise_for_status().json()


def test_a_copy_is_made_private_and_set_up_by_one_pull_request(
    server: LocalGitHub, host: GitHubTemplates, token: str
) -> None:
    host.check(token, "maker/starter", COPY)
    made = host.generate(token, ORDER)
    assert made is not None
    assert (made.repository, made.default_branch) == (COPY, "main")
    assert seen(server, token, "")["private"] is True
    first = host.open_setup_pull_request(token, ORDER, made)
    assert host.open_setup_pull_request(token, ORDER, made) == first
    [pull] = seen(server, token, "/pulls")
    assert pull["html_url"] == first
    [added] = [one["filename"] for one in seen(server, token, f"/pulls/{pull['number']}/files")]
    file = seen(server, token, f"/contents/{added}?ref={pull['head']['ref']}")
    text = base64.b64decode(file["content"]).decode()
    for fact in (LICENSE, "1.2.0", ORDER.offer.package_digest, ORDER.request.purchase_id):
        assert fact in text


@pytest.mark.parametrize("done", ["nothing", "branch", "file"])
def test_a_set_up_that_broke_off_is_finished(
    server: LocalGitHub, host: GitHubTemplates, token: str, done: str
) -> None:
    made = host.generate(token, ORDER)
    assert made is not None
    word = {"nothing": "refs", "branch": "contents", "file": "pulls"}[done]
    fault = {"kind": "error_after" if done == "nothing" else "error_before", "write": word}
    server.local("POST", "faults", {**fault, "repository": COPY})
    with pytest.raises(SpellError, match="SERVICE_UNAVAILABLE"):
        host.open_setup_pull_request(token, ORDER, made)
    host.open_setup_pull_request(token, ORDER, made)
    assert len(seen(server, token, "/pulls?state=all")) == 1


@pytest.mark.parametrize("kind", ["error_after", "drop_after", "error_before", "drop_before"])
def test_a_copy_of_unknown_fate_is_looked_for(
    server: LocalGitHub, host: GitHubTemplates, token: str, kind: str
) -> None:
    since = datetime.now(UTC)
    server.local("POST", "faults", {"kind": kind, "write": "generate"})
    assert host.generate(token, ORDER) is None
    found = host.find(token, ORDER, since)
    assert (found is not None) == kind.endswith("_after")
    if found is None:
        found = host.generate(token, ORDER)
    assert found is not None
    assert found.repository == COPY


def test_what_github_refuses_was_not_made(
    server: LocalGitHub, host: GitHubTemplates, token: str
) -> None:
    server.local("POST", "faults", {"kind": "secondary_rate_limit", "write": "generate"})
    with pytest.raises(SpellError, match="RATE_LIMITED"):
        host.generate(token, ORDER)
    server.repository("maker/plain", {"README.md": b"No template."})
    offer = ORDER.offer.model_copy(update={"template_repo": "maker/plain"})
    with pytest.raises(SpellError, match="GENERATION_FAILED"):
        host.generate(token, ORDER.model_copy(update={"offer": offer}))
    assert host.find(token, ORDER, datetime.now(UTC)) is None


def test_another_repository_of_that_name_is_never_taken_for_the_copy(
    server: LocalGitHub, host: GitHubTemplates, token: str
) -> None:
    now = datetime.now(UTC)
    made = host.generate(token, ORDER)
    assert made is not None
    with pytest.raises(SpellError, match="REPOSITORY_EXISTS"):
        host.check(token, "maker/starter", COPY)
    assert host.find(token, ORDER, now) == made
    with pytest.raises(SpellError, match="REPOSITORY_EXISTS"):
        host.find(token, ORDER, now + timedelta(hours=1))
    server.repository("buyer/other", {"README.md": b"Mine."})
    request = ORDER.request.model_copy(update={"repository": "buyer/other"})
    with pytest.raises(SpellError, match="REPOSITORY_EXISTS"):
        host.find(token, ORDER.model_copy(update={"request": request}), now)


@pytest.mark.parametrize("whose", ["maker", "buyer"])
def test_where_the_app_is_not_nothing_is_sold(
    server: LocalGitHub, host: GitHubTemplates, token: str, whose: str
) -> None:
    server.local("DELETE", f"installations/{whose}")
    with pytest.raises(SpellError, match="FORBIDDEN_REPO") as caught:
        host.check(token, "maker/starter", COPY)
    assert caught.value.details["install_url"].endswith("/installations/new")


def test_a_buyer_whose_installation_may_not_make_repositories_is_told_what_is_missing(
    server: LocalGitHub, host: GitHubTemplates, token: str
) -> None:
    server.install("buyer", permissions={"contents": "read", "pull_requests": "write"})
    with pytest.raises(SpellError, match="FORBIDDEN_REPO") as caught:
        host.check(token, "maker/starter", COPY)
    missing = caught.value.details["missing_permissions"]
    assert missing == {"administration": "write", "contents": "write"}
