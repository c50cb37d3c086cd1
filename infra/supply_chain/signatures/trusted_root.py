"""Sigstore's trusted root: whose certificates, logs and timestamps count.

It is the one inside the pinned sigstore distribution, or a file of the operator's. Never the one
in `~/.cache/sigstore-python`: that is writable, and read back without being verified. Nothing here
touches the network. docs/verifying.md tells how to rotate it.
"""

import logging
import threading
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from sigstore._internal.trust import KeyringPurpose
from sigstore.models import TrustedRoot
from sigstore.verify import Verifier
from sigstore_models.trustroot.v1 import TrustedRoot as TrustedRootDocument

from schema.ids import sha256_digest
from schema.limits import TRUST_ROOT_BYTES_MAX

_log = logging.getLogger(__name__)

_PUBLIC_GOOD = "https://tuf-repo-cdn.sigstore.dev"
_CLOSED_END = timedelta(microseconds=1)

FileStamp = tuple[int, int, int]
"""What changes when a file does: inode, size, time of change (ctime, which nobody can set)."""


class TrustedRootError(Exception):
    """The content is no trusted root; the message says why."""


@dataclass(frozen=True)
class LoadedRoot:
    """A trusted root in use."""

    digest: str
    """`sha256:<hex>` of its bytes: part of what a decision was made on."""
    document: TrustedRootDocument
    """Its authorities and logs, with the periods in which they are trusted."""
    root: TrustedRoot
    verifier: Verifier


class TrustedRoots:
    """The trusted root in force: loaded once, and again when its file was changed.

    A file that cannot be used is refused at the start. Later it leaves the last good root in force,
    with an error in the log and in `trouble`, because an operator's slip must not stop every cast.

    Args:
        path: SPELL_TRUST_ROOT_FILE; None for the root of the sigstore distribution.

    Raises:
        TrustedRootError: there is nothing to start with.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp = None if path is None else _stamp_of(path)
        self._current = load_root(packaged_root() if path is None else read_root_file(path))
        self.trouble: str | None = None
        """Why the file as it is now is not in force; None while it is."""

    def current(self) -> LoadedRoot:
        """The root in force; a changed file is noticed here, by its stamp. Never raises."""
        if self._path is None:
            return self._current
        stamp = _stamp_of(self._path)
        with self._lock:
            if stamp != self._stamp:
                self._stamp = stamp
                self._reload(self._path)
            return self._current

    def _reload(self, path: Path) -> None:
        try:
            self._current = load_root(read_root_file(path))
        except TrustedRootError as error:
            self.trouble = str(error)
            _log.error(
                "THE NEW TRUSTED ROOT IS NOT USED: %s; %s stays in force",
                error,
                self._current.digest,
            )
        else:
            self.trouble = None
            _log.warning("trusted root rotated: %s is in force", self._current.digest)


def packaged_root() -> bytes:
    """The public-good root as the pinned distribution ships it, read as a package resource."""
    folder = resources.files("sigstore._store").joinpath(quote(_PUBLIC_GOOD, safe=""))
    return folder.joinpath("trusted_root.json").read_bytes()


def read_root_file(path: Path) -> bytes:
    """A trusted root's bytes.

    Raises:
        TrustedRootError: the file cannot be read, or is larger than a trusted root is.
    """
    try:
        with path.open("rb") as file:
            content = file.read(TRUST_ROOT_BYTES_MAX + 1)
    except OSError as error:
        raise TrustedRootError(f"{path}: {error.strerror}") from error
    if len(content) > TRUST_ROOT_BYTES_MAX:
        raise TrustedRootError(f"{path} is larger than {TRUST_ROOT_BYTES_MAX} bytes")
    return content


def load_root(content: bytes) -> LoadedRoot:
    """Make a trusted root of its JSON.

    Raises:
        TrustedRootError: it has another format, lacks a part, or holds a key that is none.
    """
    try:
        document = TrustedRootDocument.from_json(content)
        _close_time_ranges(document)
        root = TrustedRoot(document)
        _read_parts(root)
        return LoadedRoot(
            digest=sha256_digest(content),
            document=document,
            root=root,
            verifier=Verifier(trusted_root=root),
        )
    except Exception as error:
        # What the library raises on bad content is of many kinds.
        raise TrustedRootError(f"not a usable trusted root: {error}") from error


def _read_parts(root: TrustedRoot) -> None:
    """Read now what the library would read, and stumble over, at each verification."""
    root.rekor_keyring(KeyringPurpose.VERIFY)
    root.ct_keyring(KeyringPurpose.VERIFY)
    root.get_timestamp_authorities()


def _close_time_ranges(document: TrustedRootDocument) -> None:
    """Count the end of a timestamp authority's period in, as protobuf-specs' TimeRange does.

    The library takes it as open there (`time < end`): one microsecond more, the finest step of its
    times, makes that `time <= end`.
    """
    for authority in document.timestamp_authorities:
        if authority.valid_for.end is not None:
            authority.valid_for.end += _CLOSED_END


def _stamp_of(path: Path) -> FileStamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_ctime_ns
