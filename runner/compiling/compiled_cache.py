"""Compiled code on disk, kept by (engine name, module digest).

Compiled code is machine code that every sandbox process will run, and wasmtime does not check it:
so nothing is read that this cache did not write. Each file carries a MAC under a random key that
lies beside the cache, readable by the supervisor's user only. Sandbox processes cannot open
files at all, so a guest that breaks out can neither forge an entry nor read the key.
"""

import hashlib
import hmac
import logging
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from runner.compiling.cache_counters import CacheCounters
from schema import limits

_MAC_BYTES = hashlib.sha256().digest_size
_KEY_BYTES = 32
_ENTRY_BYTES_MAX = _MAC_BYTES + limits.COMPILED_BYTES_MAX

_log = logging.getLogger(__name__)


class CompiledCache:
    """A folder of compiled modules with a bound on its size; the longest unused go first.

    Args:
        folder: made when it is not there. Several runners may share it.
        bytes_max: what the entries may hold together.
        counters: where evictions, sizes and corrupt entries are counted.
    """

    def __init__(self, folder: Path, bytes_max: int, counters: CacheCounters) -> None:
        self._folder = folder / "compiled"
        self._bytes_max = bytes_max
        self._counters = counters
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key = _load_or_make_key(folder / "compiled.key")

    def read(self, engine: str, digest: str) -> bytes | None:
        """The compiled module, or None when it is not there or not ours; then it is removed."""
        path = self._path(engine, digest)
        try:
            content = _read_bounded(path)
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                _log.error("cannot read compiled code from disk: %s", error)
            return None
        mac, code = content[:_MAC_BYTES], content[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(engine, digest, code)):
            self._counters.count("corrupt")
            _log.error("compiled code on disk is not what was written: %s", path.name)
            path.unlink(missing_ok=True)
            return None
        _touch(path)
        return code

    def write(self, engine: str, digest: str, code: bytes) -> None:
        """Keep a compiled module. Readers see the whole entry or none.

        After a power loss they may see a part; the MAC tells.

        Raises:
            OSError: the disk does not take it. What was there before stays.
        """
        handle, name = tempfile.mkstemp(dir=self._folder, prefix="writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self._mac(engine, digest, code))
                file.write(code)
            Path(name).replace(self._path(engine, digest))
        finally:
            Path(name).unlink(missing_ok=True)
        self._evict()

    def remove(self, engine: str, digest: str) -> None:
        """Forget a module; nothing happens when it is not there."""
        self._path(engine, digest).unlink(missing_ok=True)

    def _path(self, engine: str, digest: str) -> Path:
        name = hashlib.sha256(f"{engine}\n{digest}".encode()).hexdigest()
        return self._folder / f"{name}.code"

    def _mac(self, engine: str, digest: str, code: bytes) -> bytes:
        mac = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in (engine.encode(), digest.encode(), code):
            mac.update(len(part).to_bytes(8, "big"))
            mac.update(part)
        return mac.digest()

    def _evict(self) -> None:
        entries = []
        for path in self._folder.iterdir():
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue  # another runner was faster; or its half-written file is done
            entries.append((stat.st_mtime_ns, stat.st_size, path))
        held_bytes = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries)[:-1]:
            if held_bytes <= self._bytes_max:
                break
            path.unlink(missing_ok=True)
            held_bytes -= size
            self._counters.count("evicted_disk")
        self._counters.disk_bytes = held_bytes


def _read_bounded(path: Path) -> bytes:
    """The file; nothing, which is none of ours, when it is larger than any of ours."""
    with path.open("rb") as file:
        return file.read() if os.fstat(file.fileno()).st_size <= _ENTRY_BYTES_MAX else b""


def _touch(path: Path) -> None:
    # Another runner may have evicted it just now; we have its content.
    with suppress(FileNotFoundError):
        os.utime(path)


def _load_or_make_key(path: Path) -> bytes:
    """The folder's key; made whole or not at all, whoever comes first."""
    if not path.exists():
        handle, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        try:
            os.link(name, path)
        except FileExistsError:
            pass  # another runner's key stands
        finally:
            Path(name).unlink()
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path} is not a key of {_KEY_BYTES} bytes; remove it to make another")
    return key
