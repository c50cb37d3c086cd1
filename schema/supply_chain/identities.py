"""Who may sign: rules on the signer that the certificate names.

A signer must fit the rule that the package's own manifest states, and one of those that the maker
allowed. A maker who allowed nobody is trusted on first use: the first signer of a spell is pinned.
"""

from collections.abc import Iterator, Sequence

from schema.contracts.supply_chain import IdentityRule, Reason, Signer
from schema.packaging.manifest_sections import SupplyChainSection
from schema.supply_chain.reasons import reason

# GitHub Actions states repository and ref in extensions of the certificate; see
# https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
GITHUB_ISSUER = "https://token.actions.githubusercontent.com"

_CODES = {
    "identity": "IDENTITY_MISMATCH",
    "issuer": "ISSUER_MISMATCH",
    "repository": "REPOSITORY_MISMATCH",
    "ref": "REF_MISMATCH",
}


def identity_reasons(
    signer: Signer, expected: IdentityRule | None, allowed: Sequence[IdentityRule]
) -> list[Reason]:
    """Why this signer may not sign; nothing when they may.

    Args:
        signer: who signed, as the verified certificate says.
        expected: the signer that the manifest names; None when it names nobody.
        allowed: who the maker lets sign; the signer must fit one of them. Nobody: trust on first
            use, so anybody fits.
    """
    reasons = [] if expected is None else list(_mismatches(signer, expected, "manifest.toml"))
    if allowed:
        reasons += _closest_mismatches(signer, allowed)
    return reasons


def fits(signer: Signer, rule: IdentityRule) -> bool:
    """Whether every member of the rule that is set fits the signer."""
    return not any(_mismatches(signer, rule, ""))


def expected_signer(section: SupplyChainSection) -> IdentityRule | None:
    """The rule that a manifest's `[supply_chain]` states; None when it names no issuer."""
    if section.issuer is None:
        return None
    return IdentityRule(
        issuer=section.issuer,
        identity=section.identity,
        repository=section.repository,
        ref=section.ref,
    )


def rule_of(signer: Signer) -> IdentityRule:
    """The rule that pins a signer: the repository of a workflow, whatever ref it runs on next.

    A workflow's identity holds the ref, which changes with each release; anybody else's is exact.
    """
    if signer.repository is not None:
        return IdentityRule(issuer=signer.issuer, repository=signer.repository)
    return IdentityRule(issuer=signer.issuer, identity=signer.identity)


def _closest_mismatches(signer: Signer, allowed: Sequence[IdentityRule]) -> list[Reason]:
    """What the signer lacks for the rule that they fit best."""
    return min(
        (list(_mismatches(signer, rule, "the maker's identities")) for rule in allowed), key=len
    )


def _mismatches(signer: Signer, rule: IdentityRule, ruled_by: str) -> Iterator[Reason]:
    for member, code in _CODES.items():
        expected, found = getattr(rule, member), getattr(signer, member)
        if expected is None or _matches(found, expected, is_pattern=member == "ref"):
            continue
        shown = "none" if found is None else repr(found)
        yield reason(
            code,
            f"The {member} that signed is {shown}; {ruled_by} expects {expected!r}.",
            subject=signer.identity,
            details={"found": found, "expected": expected, "ruled_by": ruled_by},
        )


def _matches(found: str | None, expected: str, *, is_pattern: bool) -> bool:
    if found is None:
        return False
    if is_pattern and expected.endswith("*"):
        return found.startswith(expected.removesuffix("*"))
    return found == expected
