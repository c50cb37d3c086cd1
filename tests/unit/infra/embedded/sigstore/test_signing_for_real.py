"""sigstore-python signs on the local Sigstore and verifies what came of it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sigstore.errors import VerificationError
from sigstore.models import Bundle, TrustedRoot
from sigstore.verify import Verifier, policy
from sigstore_models.trustroot import v1 as trustroot

from infra.embedded.sigstore.configs import trusted_root
from infra.embedded.sigstore.instance import LocalSigstore, wall_clock
from infra.embedded.sigstore.tokens import ISSUER
from tests.support.signing import (
    MAKER,
    WORKFLOW,
    new_authority,
    shared_authority,
    sign,
    with_other_log,
)

ARCHIVE = b"the bytes of a package"
BY_MAKER = policy.Identity(identity=MAKER.email, issuer=ISSUER)


def verifier(authority: LocalSigstore) -> Verifier:
    document = json.dumps(trusted_root(authority.keys))
    return Verifier(trusted_root=TrustedRoot(trustroot.TrustedRoot.from_json(document)))


def verify(bundle: bytes, by: Any = BY_MAKER, authority: LocalSigstore | None = None) -> None:
    checked = Bundle.from_json(bundle)
    verifier(authority or shared_authority()).verify_artifact(ARCHIVE, checked, by)


def test_a_person_signs_an_archive() -> None:
    verify(sign(ARCHIVE))


def test_a_workflow_signs_with_everything_that_fulcio_says_of_it() -> None:
    by_workflow = policy.AllOf(
        [
            policy.Identity(
                identity="https://github.com/acme/spells/.github/workflows/publish.yml@refs/tags/v1",
                issuer=ISSUER,
            ),
            policy.OIDCIssuerV2(ISSUER),
            policy.GitHubWorkflowTrigger("push"),
            policy.GitHubWorkflowSHA("a1" * 20),
            policy.GitHubWorkflowName("publish"),
            policy.GitHubWorkflowRepository("acme/spells"),
            policy.GitHubWorkflowRef("refs/tags/v1"),
            policy.OIDCBuildSignerURI(
                "https://github.com/acme/spells/.github/workflows/publish.yml@refs/tags/v1"
            ),
            policy.OIDCBuildSignerDigest("a1" * 20),
            policy.OIDCRunnerEnvironment("github-hosted"),
            policy.OIDCSourceRepositoryURI("https://github.com/acme/spells"),
            policy.OIDCSourceRepositoryDigest("a1" * 20),
            policy.OIDCSourceRepositoryRef("refs/tags/v1"),
            policy.OIDCSourceRepositoryOwnerURI("https://github.com/acme"),
            policy.OIDCBuildTrigger("push"),
            policy.OIDCRunInvocationURI("https://github.com/acme/spells/actions/runs/1/attempts/1"),
            policy.OIDCSourceRepositoryVisibility("public"),
        ]
    )
    bundle = sign(ARCHIVE, WORKFLOW)
    verify(bundle, by_workflow)
    with pytest.raises(VerificationError, match="GitHubWorkflowRepository"):
        verify(bundle, policy.GitHubWorkflowRepository("acme/other"))


def test_a_statement_is_signed_in_an_envelope() -> None:
    bundle = Bundle.from_json(sign(ARCHIVE, dsse=True))
    kind, payload = verifier(shared_authority()).verify_dsse(bundle, BY_MAKER)
    assert kind == "application/vnd.in-toto+json"
    assert json.loads(payload)["subject"][0]["digest"]["sha256"]


@pytest.mark.parametrize("rekor", [1, 2])
@pytest.mark.parametrize("dsse", [False, True])
def test_a_signature_is_stamped_and_logged_in_either_log(rekor: Any, dsse: bool) -> None:
    bundle = Bundle.from_json(sign(ARCHIVE, rekor=rekor, dsse=dsse, stamped=True))
    stamped = bundle.verification_material.timestamp_verification_data
    assert stamped is not None
    assert len(stamped.rfc3161_timestamps) == 1
    assert (bundle.log_entry._inner.integrated_time is None) == (rekor == 2)
    checking = verifier(shared_authority())
    if dsse:
        checking.verify_dsse(bundle, BY_MAKER)
    else:
        checking.verify_artifact(ARCHIVE, bundle, BY_MAKER)


def test_a_stamp_counts_only_over_this_signature() -> None:
    one, other = (json.loads(sign(ARCHIVE, rekor=2)) for _ in range(2))
    stamps = "timestampVerificationData"
    one["verificationMaterial"][stamps] = other["verificationMaterial"][stamps]
    with pytest.raises(VerificationError, match="not enough sources of verified time"):
        verify(json.dumps(one).encode())


def test_every_authority_is_its_own() -> None:
    other = new_authority()
    bundle = sign(ARCHIVE, authority=other)
    verify(bundle, authority=other)
    with pytest.raises(VerificationError, match="certificate chain"):
        verify(bundle)


def test_another_log_of_the_same_authority_is_not_trusted() -> None:
    bundle = sign(ARCHIVE, authority=with_other_log(shared_authority()))
    with pytest.raises(VerificationError, match="invalid log entry"):
        verify(bundle)


@pytest.mark.parametrize("minutes", [11, -1])
def test_a_signature_logged_outside_the_certificates_time_is_not_valid(minutes: int) -> None:
    late = new_authority(logged_at=lambda: wall_clock() + timedelta(minutes=minutes))
    with pytest.raises(VerificationError, match="not valid at validation time"):
        verify(sign(ARCHIVE, authority=late), authority=late)


def test_a_signature_of_long_ago_stays_valid() -> None:
    def a_year_ago() -> Any:
        return wall_clock() - timedelta(days=365)

    old = new_authority(certified_at=a_year_ago, logged_at=a_year_ago)
    verify(sign(ARCHIVE, authority=old), authority=old)


def test_another_digest_is_not_what_was_signed() -> None:
    with pytest.raises(VerificationError, match="digest mismatch"):
        verify(sign(ARCHIVE + b"!"))
