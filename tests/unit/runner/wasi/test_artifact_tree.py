"""Goal: whatever a guest does below `/artifacts`, what is there at any time can be sealed: few
plain files, with names that artifacts have, within the quota; and nothing gets from one tree into
the other.

Method: any steps on both trees at once, through the functions that a guest calls.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from runner.sandbox.wasi.abi import Errno
from runner.sandbox.wasi.files import NODE_BYTES
from runner.sandbox.wasi.world import World
from schema.limits import ARTIFACTS_PER_CAST_MAX, MIB, RUN_ARTIFACT_ENTRIES_MAX
from schema.packaging.artifact_archive import fits_archive, read_artifacts, write_artifacts
from schema.violations import ViolationKind
from tests.support.wasi_calls import CREAT, READ, TRUNC, WRITE, Caller, Direct
from tests.support.wasi_stage import world_of

_QUOTA, _SCRATCH, _ARTIFACTS = 6_000, 3, 4
_paths = st.sampled_from(
    [b"a", b"b.csv", b"d", b"d/a", b"d/e", b"d/e/f", b"d/.e", b".a", b"output.json", b"x" * 90,
     b"d/" + b"y" * 90, b"d/e/" + b"z" * 100, b"sp ace", b"\xc3\xa9", b"w" * 150]
)  # fmt: skip
_tops = st.sampled_from([_SCRATCH, _ARTIFACTS])
_fds = st.integers(5, 8)


class TwoTrees(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = world_of(scratch_bytes_max=_QUOTA, artifacts_bytes_max=_QUOTA)
        self.guest = Caller(Direct(self.world))

    @rule(top=_tops, path=_paths, oflags=st.sampled_from([0, CREAT, CREAT | TRUNC]))
    def open(self, top: int, path: bytes, oflags: int) -> None:
        self.guest.open(top, path, oflags, READ | WRITE)

    @rule(fd=_fds)
    def close(self, fd: int) -> None:
        self.guest.call("fd_close", fd)

    @rule(fd=_fds, length=st.integers(0, 500), offset=st.integers(0, 6_000))
    def write(self, fd: int, length: int, offset: int) -> None:
        self.guest.pwrite(fd, b"x" * length, offset)

    @rule(top=_tops, path=_paths)
    def make_folder(self, top: int, path: bytes) -> None:
        self.guest.call("path_create_directory", top, path)

    @rule(top=_tops, path=_paths)
    def remove(self, top: int, path: bytes) -> None:
        if self.guest.call("path_unlink_file", top, path) is Errno.ISDIR:
            self.guest.call("path_remove_directory", top, path)

    @rule(old_top=_tops, old=_paths, new_top=_tops, new=_paths)
    def link(self, old_top: int, old: bytes, new_top: int, new: bytes) -> None:
        self.guest.call("path_link", old_top, 0, old, new_top, new)

    @rule(old_top=_tops, old=_paths, new_top=_tops, new=_paths)
    def rename(self, old_top: int, old: bytes, new_top: int, new: bytes) -> None:
        self.guest.call("path_rename", old_top, old, new_top, new)

    @rule(leads_to=st.sampled_from([b"a", b"d", b"../scratch/a"]), top=_tops, path=_paths)
    def make_link(self, leads_to: bytes, top: int, path: bytes) -> None:
        self.guest.call("path_symlink", leads_to, top, path)

    @invariant()
    def what_is_there_can_be_sealed(self) -> None:
        tree = self.world.artifacts
        assert tree is not None
        files = tree.files()
        assert all(fits_archive(name) for name in files)
        assert len(files) <= ARTIFACTS_PER_CAST_MAX
        assert read_artifacts(write_artifacts(files), _QUOTA) == files

    def teardown(self) -> None:
        """All that was taken of both quotas is given back with the last name and descriptor."""
        for fd in [fd for fd in self.world.descriptors if fd > _ARTIFACTS]:
            self.guest.call("fd_close", fd)
        for top in (_SCRATCH, _ARTIFACTS):
            self._empty(top, b"")
        assert self.world.scratch is not None
        assert self.world.artifacts is not None
        assert (self.world.scratch.bytes_held, self.world.artifacts.bytes_held) == (0, 0)

    def _empty(self, top: int, prefix: bytes) -> None:
        fd = top
        if prefix:
            assert self.guest.open(top, prefix) is Errno.SUCCESS
            fd = self.guest.number
        names = [name for name in self.guest.names(fd) if name not in {b".", b".."}]
        if prefix:
            self.guest.call("fd_close", fd)
        for name in names:
            path = prefix + b"/" + name if prefix else name
            if self.guest.call("path_unlink_file", top, path) is Errno.ISDIR:
                self._empty(top, path)
                assert self.guest.call("path_remove_directory", top, path) is Errno.SUCCESS


TestTwoTrees = TwoTrees.TestCase
TestTwoTrees.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.fixture
def world() -> World:
    return world_of(artifacts_bytes_max=MIB)


@pytest.fixture
def guest(world: World) -> Caller:
    return Caller(Direct(world))


def make(guest: Caller, path: bytes, content: bytes = b"") -> Errno:
    errno = guest.open(3, path, CREAT, READ | WRITE)
    if errno is Errno.SUCCESS:
        fd = guest.number
        errno = guest.write(fd, content)
        guest.call("fd_close", fd)
    return errno


def test_files_are_listed_by_path_with_what_was_written_last(world: World, guest: Caller) -> None:
    assert guest.call("path_create_directory", 3, b"rows") is Errno.SUCCESS
    assert make(guest, b"rows/2.csv", b"2") is Errno.SUCCESS
    assert make(guest, b"rows-1.csv", b"1") is Errno.SUCCESS
    assert make(guest, b"Z.txt") is Errno.SUCCESS
    assert guest.call("path_create_directory", 3, b"empty") is Errno.SUCCESS
    assert world.artifacts is not None
    assert list(world.artifacts.files().items()) == [
        ("Z.txt", b""),
        ("rows-1.csv", b"1"),
        ("rows/2.csv", b"2"),
    ]


def test_a_file_that_is_still_open_is_there_and_one_without_a_name_is_not(
    world: World, guest: Caller
) -> None:
    for fd, path in ((4, b"open"), (5, b"gone")):
        assert guest.open(3, path, CREAT, READ | WRITE) is Errno.SUCCESS
        assert guest.write(fd, b"x") is Errno.SUCCESS
    assert guest.call("path_unlink_file", 3, b"gone") is Errno.SUCCESS
    assert guest.write(5, b"more") is Errno.SUCCESS
    assert guest.call("fd_close", 5) is Errno.SUCCESS
    assert guest.write(5, b"late") is Errno.BADF
    assert world.artifacts is not None
    assert world.artifacts.files() == {"open": b"x"}


def test_the_file_too_many_is_over_the_quota_and_noted(world: World, guest: Caller) -> None:
    for number in range(ARTIFACTS_PER_CAST_MAX):
        assert make(guest, b"%d" % number) is Errno.SUCCESS
    assert make(guest, b"more") is Errno.DQUOT
    assert world.violations.counts == {(ViolationKind.ARTIFACTS_FULL, ""): 1}
    assert guest.call("path_unlink_file", 3, b"0") is Errno.SUCCESS
    assert make(guest, b"more") is Errno.SUCCESS


def test_folders_count_as_well(guest: Caller) -> None:
    made = [
        guest.call("path_create_directory", 3, b"%d" % number)
        for number in range(RUN_ARTIFACT_ENTRIES_MAX + 1)
    ]
    assert made == [Errno.SUCCESS] * RUN_ARTIFACT_ENTRIES_MAX + [Errno.DQUOT]


def test_a_quota_is_full_to_the_byte(guest: Caller) -> None:
    room = MIB - NODE_BYTES - 1
    assert make(guest, b"f") is Errno.SUCCESS
    assert guest.open(3, b"f", 0, WRITE) is Errno.SUCCESS
    fd = guest.number
    assert guest.call("fd_filestat_set_size", fd, room + 1) is Errno.NOSPC
    assert guest.call("fd_filestat_set_size", fd, room) is Errno.SUCCESS
    assert guest.pwrite(fd, b"x", room) is Errno.NOSPC
    assert guest.pwrite(fd, b"x", 2**40) is Errno.NOSPC
    assert guest.pwrite(fd, b"x", room - 1) is Errno.SUCCESS


@pytest.mark.parametrize(
    ("path", "errno"),
    [
        (b".hidden", Errno.INVAL),
        (b"d/.hidden", Errno.INVAL),
        (b"two words", Errno.INVAL),
        (b"bell\a", Errno.INVAL),
        ("schön".encode(), Errno.INVAL),
        (b"-rf", Errno.INVAL),
        (b"output.json", Errno.INVAL),
        (b"d/../output.json", Errno.INVAL),
        (b"x" * 201, Errno.NAMETOOLONG),
        (b"x" * 101, Errno.INVAL),
        (b"\xff", Errno.ILSEQ),
        (b"d/output.json", Errno.SUCCESS),
    ],
)
def test_a_name_that_no_artifact_has_is_refused_when_it_is_made(
    guest: Caller, path: bytes, errno: Errno
) -> None:
    assert guest.call("path_create_directory", 3, b"d") is Errno.SUCCESS
    assert make(guest, path) is errno
    assert make(guest, b"plain") is Errno.SUCCESS
    assert guest.call("path_rename", 3, b"plain", 3, path) is errno
    expected = Errno.EXIST if errno is Errno.SUCCESS else errno
    assert guest.call("path_create_directory", 3, path) in {expected, Errno.INVAL, Errno.SUCCESS}


def test_a_folder_is_not_moved_where_what_is_in_it_would_have_no_name(guest: Caller) -> None:
    for folder in (b"a", b"b" * 90, b"b" * 90 + b"/" + b"c" * 80):
        assert guest.call("path_create_directory", 3, folder) is Errno.SUCCESS
    assert make(guest, b"a/" + b"x" * 60, b"kept") is Errno.SUCCESS
    deep = b"b" * 90 + b"/" + b"c" * 80 + b"/a"
    assert guest.call("path_rename", 3, b"a", 3, deep) is Errno.NAMETOOLONG
    assert guest.call("path_create_directory", 3, deep) is Errno.SUCCESS
    assert guest.call("path_rename", 3, b"a", 3, deep) is Errno.NAMETOOLONG
    assert guest.stat(3, deep) is Errno.SUCCESS, "what stood there stays"
    assert guest.call("path_rename", 3, b"a", 3, b"b" * 90 + b"/a") is Errno.SUCCESS


def test_neither_links_nor_names_go_from_one_tree_to_the_other() -> None:
    guest = Caller(Direct(world_of(scratch_bytes_max=MIB, artifacts_bytes_max=MIB)))
    assert guest.open(3, b"s", CREAT, WRITE) is Errno.SUCCESS
    assert guest.open(4, b"a", CREAT, WRITE) is Errno.SUCCESS
    assert guest.call("path_rename", 3, b"s", 4, b"s") is Errno.XDEV
    assert guest.call("path_rename", 4, b"a", 3, b"a") is Errno.XDEV
    assert guest.call("path_link", 3, 0, b"s", 4, b"s") is Errno.XDEV
    assert guest.call("path_link", 4, 0, b"a", 3, b"a") is Errno.XDEV
    assert guest.call("path_link", 4, 0, b"a", 4, b"b") is Errno.PERM
    assert guest.call("path_symlink", b"a", 4, b"l") is Errno.PERM
    assert guest.call("path_symlink", b"../artifacts/a", 3, b"l") is Errno.SUCCESS
    assert guest.open(3, b"l", lookup=1) is Errno.PERM, "no link leads out of its tree"


def test_a_world_without_artifacts_is_as_it_was() -> None:
    guest = Caller(Direct(world_of(scratch_bytes_max=MIB)))
    assert guest.fstat(4) is Errno.BADF
