"""Which lock files a spell's folder has, and all that they say together."""

from collections.abc import Callable
from pathlib import Path

from infra.supply_chain.lockfiles.by_hand import FILE_NAME as EXTRA_FILE
from infra.supply_chain.lockfiles.by_hand import with_extra
from infra.supply_chain.lockfiles.cargo import read_cargo_lock
from infra.supply_chain.lockfiles.golang import read_go
from infra.supply_chain.lockfiles.lock_file import Locked, LockFile, LockFileError
from infra.supply_chain.lockfiles.npm import read_package_lock
from infra.supply_chain.lockfiles.pylock import read_pylock
from infra.supply_chain.lockfiles.requirements import read_requirements
from infra.supply_chain.lockfiles.zig import read_build_zon

# By pattern, in the order in which they are read.
_READERS: dict[str, Callable[[LockFile], Locked]] = {
    "Cargo.lock": read_cargo_lock,
    "npm-shrinkwrap.json": read_package_lock,
    "package-lock.json": read_package_lock,
    "pylock.toml": read_pylock,
    "pylock.*.toml": read_pylock,
    "requirements*.txt": read_requirements,
    "build.zig.zon": read_build_zon,
}


def read_lock_files(folder: Path) -> dict[str, Locked]:
    """What every lock file at the top of a folder says, by name, with the maker's additions.

    Raises:
        LockFileError: one of them cannot be read.
    """
    found: dict[str, Locked] = {}
    for pattern, read in _READERS.items():
        for path in sorted(folder.glob(pattern)):
            if path.is_file():
                found[path.name] = _read(LockFile.read(path), read)
    mod, sums = _maybe(folder / "go.mod"), _maybe(folder / "go.sum")
    if mod is not None or sums is not None:
        name = "go.mod" if mod else "go.sum"
        found[name] = _guarded(name, lambda: read_go(mod, sums))
    extra = _maybe(folder / EXTRA_FILE)
    if extra is None:
        return found
    return dict(zip([*found, EXTRA_FILE], with_extra(extra, list(found.values())), strict=True))


def _read(lock: LockFile, read: Callable[[LockFile], Locked]) -> Locked:
    return _guarded(lock.name, lambda: read(lock))


def _guarded(name: str, read: Callable[[], Locked]) -> Locked:
    """Names and versions that no purl can hold are an error of the file, wherever they stand."""
    try:
        return read()
    except ValueError as error:
        raise LockFileError(name, None, f"names what no purl can hold: {error}") from error


def _maybe(path: Path) -> LockFile | None:
    return LockFile.read(path) if path.is_file() else None
