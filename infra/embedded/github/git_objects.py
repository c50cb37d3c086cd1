"""Git's own objects: how blobs, trees and commits are written, and the ids that follow from that.

https://git-scm.com/book/en/v2/Git-Internals-Git-Objects and `git check-ref-format`.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

BLOB, TREE, COMMIT = "blob", "tree", "commit"
FILE_MODE, TREE_MODE = "100644", "040000"
KINDS_BY_MODE = {FILE_MODE: BLOB, "100755": BLOB, "120000": BLOB, TREE_MODE: TREE, "160000": COMMIT}
PATH_MAX, _NAME_MAX, _DEPTH_MAX = 4096, 255, 64
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_REF_NEVER = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|[/.]$")
_PERSON = re.compile(r"(.*) <(.*)> (\d+) [+-]\d{4}")


@dataclass(frozen=True)
class Entry:
    """What a tree has under a name."""

    mode: str
    """Six digits, as GitHub shows them."""
    kind: str
    sha: str


@dataclass(frozen=True)
class Person:
    """Who, and when (seconds since 1970)."""

    name: str
    email: str
    at: int


@dataclass(frozen=True)
class Commit:
    """A commit; its files are its tree's."""

    sha: str
    tree: str
    message: str
    parents: tuple[str, ...]
    author: Person
    committer: Person


def object_id(kind: str, content: bytes) -> str:
    """The id that git gives this object."""
    head = f"{kind} {len(content)}\0".encode()
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def blob_sha(content: bytes) -> str:
    """Git's id of a file's content."""
    return object_id(BLOB, content)


def pack_tree(entries: Mapping[str, Entry]) -> bytes:
    """One level of a tree; git sorts folders as if their names ended in a slash."""
    ordered = sorted(entries.items(), key=lambda item: _order(*item))
    return b"".join(
        f"{entry.mode.lstrip('0')} {name}\0".encode() + bytes.fromhex(entry.sha)
        for name, entry in ordered
    )


def unpack_tree(content: bytes) -> dict[str, Entry]:
    """The entries of one level, in git's order."""
    entries, at = {}, 0
    while at < len(content):
        end = content.index(b"\0", at)
        mode, _, name = content[at:end].decode().partition(" ")
        whole = mode.rjust(6, "0")
        entries[name] = Entry(whole, KINDS_BY_MODE[whole], content[end + 1 : end + 21].hex())
        at = end + 21
    return entries


def pack_commit(
    tree: str, parents: tuple[str, ...], author: Person, committer: Person, message: str
) -> bytes:
    """A commit."""
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    lines += [f"author {_signed(author)}", f"committer {_signed(committer)}"]
    return ("\n".join(lines) + "\n\n" + message).encode()


def unpack_commit(sha: str, content: bytes) -> Commit:
    """What `pack_commit` wrote."""
    head, _, message = content.decode().partition("\n\n")
    said = [line.partition(" ") for line in head.splitlines()]
    named = {word: rest for word, _, rest in said}
    parents = tuple(rest for word, _, rest in said if word == "parent")
    author, committer = _person(named["author"]), _person(named["committer"])
    return Commit(sha, named["tree"], message, parents, author, committer)


def is_path(path: str) -> bool:
    """Whether a file may be called so: nothing that leads out of the repository, or into `.git`."""
    parts = path.split("/")
    return (
        0 < len(path) <= PATH_MAX
        and len(parts) <= _DEPTH_MAX
        and not _CONTROL.search(path)
        and all(
            part not in {"", ".", ".."}
            and part.lower() != ".git"
            and len(part.encode()) <= _NAME_MAX
            for part in parts
        )
    )


def is_ref(ref: str) -> bool:
    """Whether git takes this for the name of a branch or a tag."""
    return (
        len(ref) <= _NAME_MAX
        and ref.startswith(("refs/heads/", "refs/tags/"))
        and ref.count("/") > 1
        and not _REF_NEVER.search(ref)
        and not ref.split("/", 2)[2].startswith("-")
    )


def _order(name: str, entry: Entry) -> bytes:
    return (f"{name}/" if entry.kind == TREE else name).encode()


def _signed(person: Person) -> str:
    name, email = (re.sub(r"[<>\x00-\x1f]", "", said) for said in (person.name, person.email))
    return f"{name} <{email}> {person.at} +0000"


def _person(text: str) -> Person:
    found = _PERSON.fullmatch(text)
    assert found is not None, "every person was written by `_signed`"
    return Person(found[1], found[2], int(found[3]))
