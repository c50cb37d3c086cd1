"""Where everything of a local platform lives: one data directory, closed to others."""

from dataclasses import dataclass
from pathlib import Path

from infra.embedded.errors import EmbeddedPlatformError

OWNER_ONLY = 0o700
# Others may do nothing, the group may at most pass through: as root the entry for Postgres's
# account in the access list (account.py) shows up there.
_TOO_OPEN = 0o067


@dataclass(frozen=True)
class Layout:
    """The paths below one data directory."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> "Layout":
        """Make the data directory and its folders, or close an open one again.

        Args:
            root: the data directory; relative paths are taken from the current folder.

        Raises:
            EmbeddedPlatformError: it belongs to another user, or is not a directory.
        """
        layout = cls(root.expanduser().resolve())
        try:
            layout.root.mkdir(mode=OWNER_ONLY, parents=True, exist_ok=True)
            if layout.root.stat().st_mode & _TOO_OPEN:
                layout.root.chmod(OWNER_ONLY)
            for folder in layout._folders:
                folder.mkdir(mode=OWNER_ONLY, exist_ok=True)
        except OSError as error:
            raise EmbeddedPlatformError(
                f"The data directory {layout.root} cannot be used: {error.strerror}. "
                "Run as the user who made it, or choose another directory."
            ) from error
        return layout

    @property
    def _folders(self) -> tuple[Path, ...]:
        data = (self.postgres, self.nats, self.redis, self.objects, self.sigstore, self.github)
        return (*data, self.stripe, self.runner, self.logs)

    @property
    def postgres(self) -> Path:
        """Postgres's folder: its socket, and the cluster in `data`."""
        return self.root / "postgres"

    @property
    def postgres_cluster(self) -> Path:
        """Postgres's own data directory."""
        return self.postgres / "data"

    @property
    def temporal_database(self) -> Path:
        """Temporal's SQLite file."""
        return self.root / "temporal.db"

    @property
    def nats(self) -> Path:
        """NATS's configuration and JetStream's store."""
        return self.root / "nats"

    @property
    def redis(self) -> Path:
        """Redis's configuration and append-only file."""
        return self.root / "redis"

    @property
    def objects(self) -> Path:
        """The object store."""
        return self.root / "objects"

    @property
    def sigstore(self) -> Path:
        """The local Sigstore's keys, its log, and what its clients need to know."""
        return self.root / "sigstore"

    @property
    def github(self) -> Path:
        """The local GitHub's people, repositories and runs."""
        return self.root / "github"

    @property
    def stripe(self) -> Path:
        """What the local Stripe keeps."""
        return self.root / "stripe"

    @property
    def runner(self) -> Path:
        """The runner's caches and scratch folders."""
        return self.root / "runner"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.root / "logs"

    @property
    def credentials_file(self) -> Path:
        """Keys and passwords, mode 0600."""
        return self.root / "secrets.json"

    @property
    def ports_file(self) -> Path:
        """The ports chosen last time."""
        return self.root / "ports.json"

    @property
    def lock_file(self) -> Path:
        """Held by the one platform that uses this directory."""
        return self.root / "platform.lock"
