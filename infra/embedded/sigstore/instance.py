"""One local Sigstore: its parts over one set of keys."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography import x509

from infra.embedded.layout import OWNER_ONLY
from infra.embedded.sigstore.authority import CertificateAuthority
from infra.embedded.sigstore.keys import Keys
from infra.embedded.sigstore.log_store import LogStore
from infra.embedded.sigstore.tile_log import TileLog
from infra.embedded.sigstore.timestamps import TimestampAuthority
from infra.embedded.sigstore.tokens import TokenIssuer
from infra.embedded.sigstore.transparency_log import TransparencyLog

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """The time now."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class LocalSigstore:
    """Token issuer, certificate authority and log that belong together.

    Each part has a clock of its own, so that tests can have them disagree.
    """

    keys: Keys
    tokens: TokenIssuer
    certificates: CertificateAuthority
    log: TransparencyLog
    """As Rekor v1: where signatures are logged by default."""
    tile_log: TileLog
    """As Rekor v2."""
    timestamps: TimestampAuthority

    @classmethod
    def open(cls, folder: Path, clock: Clock = wall_clock) -> Self:
        """The one whose keys and log are in the folder; a new one in a new folder.

        Args:
            folder: made with mode 0700 when it is not there.
            clock: the time now, with its zone.

        Raises:
            EmbeddedPlatformError: the keys cannot be read.
        """
        folder.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
        keys = Keys.load_or_generate(folder / "keys.json", clock())
        return cls(
            keys=keys,
            tokens=TokenIssuer(keys.token, clock),
            certificates=CertificateAuthority(keys, clock),
            log=TransparencyLog(LogStore(folder / "log.db"), keys.entry_log, clock),
            tile_log=TileLog(LogStore(folder / "tile_log.db"), keys.tile_log, clock),
            timestamps=TimestampAuthority(keys, clock),
        )

    def certify(
        self, request: x509.CertificateSigningRequest, token: str
    ) -> list[x509.Certificate]:
        """A signing certificate for the token's bearer, with its chain.

        Raises:
            RefusedError: token or request are at fault.
        """
        return self.certificates.issue(request, self.tokens.read(token), self.tokens.issuer)
