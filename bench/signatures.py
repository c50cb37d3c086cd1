"""What a cold verification of a signature takes, from a bundle's bytes to the verdict.

Cold means that nothing is remembered of the bundle: parsing, form, signature, certificate, log
entry, times, signer. Its floor is sigstore-python alone (`Bundle.from_json` and
`Verifier.verify_artifact`) on the same bundle in this process, in the same run, alternating. The
goal is 20 ms.
"""

import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sigstore.hashes import Hashed
from sigstore.models import Bundle
from sigstore.verify.policy import Identity
from sigstore_models.common.v1 import HashAlgorithm

from infra.embedded.sigstore.tokens import ISSUER
from infra.supply_chain.signatures.trusted_root import TrustedRoots
from infra.supply_chain.signatures.verifier import SigstoreVerifier
from tests.support.signing import MAKER, shared_authority, sign, write_trusted_root

COLD_MS_MAX = 20.0
_ROUNDS = 200
_PACKAGE = b"the canonical archive of a package"


@dataclass(frozen=True)
class VerificationFigures:
    """Medians and 99th percentiles of one run."""

    cold_ms_p50: float
    cold_ms_p99: float
    refused_ms_p50: float
    floor_ms_p50: float
    floor_ms_p99: float

    def lines(self) -> list[str]:
        """The figures for a person, and whether the goal is met."""
        verdict = "met" if self.cold_ms_p50 <= COLD_MS_MAX else "missed"
        return [
            f"cold verification  p50 {self.cold_ms_p50:.2f} ms  p99 {self.cold_ms_p99:.2f} ms",
            f"refused, explained p50 {self.refused_ms_p50:.2f} ms",
            f"sigstore alone     p50 {self.floor_ms_p50:.2f} ms  p99 {self.floor_ms_p99:.2f} ms",
            f"goal p50 <= {COLD_MS_MAX:g} ms: {verdict}",
        ]


def measure_verification(rounds: int = _ROUNDS) -> VerificationFigures:
    """Verify one good and one replayed bundle again and again, and the good one by the library."""
    with tempfile.TemporaryDirectory() as folder:
        roots = TrustedRoots(write_trusted_root(shared_authority(), Path(folder)))
        steps = _steps(roots)
        samples = [[_elapsed_ms(step) for step in steps] for _ in range(rounds)]
    colds, refusals, floors = map(list, zip(*samples, strict=True))
    return VerificationFigures(
        *_percentiles(colds), statistics.median(refusals), *_percentiles(floors)
    )


def _steps(roots: TrustedRoots) -> tuple[Callable[[], None], ...]:
    bundle, replayed = sign(_PACKAGE), sign(b"an earlier version")
    sha256 = hashlib.sha256(_PACKAGE).digest()
    digest = f"sha256:{sha256.hex()}"
    verifier = SigstoreVerifier(roots)

    def cold() -> None:
        assert verifier.check(digest, bundle).signer is not None

    def refused() -> None:
        assert verifier.check(digest, replayed).signer is None

    def floor() -> None:
        hashed = Hashed(algorithm=HashAlgorithm.SHA2_256, digest=sha256)
        policy = Identity(identity=MAKER.email, issuer=ISSUER)
        roots.current().verifier.verify_artifact(hashed, Bundle.from_json(bundle), policy)

    return cold, refused, floor


def _elapsed_ms(step: Callable[[], None]) -> float:
    began = time.perf_counter()
    step()
    return (time.perf_counter() - began) * 1000


def _percentiles(samples: list[float]) -> tuple[float, float]:
    return statistics.median(samples), statistics.quantiles(samples, n=100)[-1]
