"""The quota of the scratch tree is exact, whatever a guest does.

Method: any steps on one tree, through the functions that a guest calls; after each, what is held is
counted anew by walking the tree and the open descriptors, and compared with the running count.
"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from runner.sandbox.wasi.abi import Errno
from runner.sandbox.wasi.files import NODE_BYTES, Entry, File, Folder, Link
from runner.sandbox.wasi.world import OpenFile, World
from schema.violations import ViolationKind
from tests.support.wasi_calls import CREAT, READ, TRUNC, WRITE, Caller, Direct
from tests.support.wasi_stage import world_of

_QUOTA, _TOP = 3_000, 3
_paths = st.sampled_from([b"a", b"b", b"d", b"d/a", b"d/e", b"d/e/a", b"long-name" * 10])
_fds = st.integers(4, 8)


class ScratchMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = world_of(scratch_bytes_max=_QUOTA)
        self.guest = Caller(Direct(self.world))

    @rule(path=_paths, oflags=st.sampled_from([0, CREAT, CREAT | TRUNC]))
    def open(self, path: bytes, oflags: int) -> None:
        self.guest.open(_TOP, path, oflags, READ | WRITE)

    @rule(fd=_fds)
    def close(self, fd: int) -> None:
        self.guest.call("fd_close", fd)

    @rule(fd=_fds, onto=_fds)
    def renumber(self, fd: int, onto: int) -> None:
        self.guest.call("fd_renumber", fd, onto)

    @rule(fd=_fds, length=st.integers(0, 500), offset=st.integers(0, 3_000))
    def write(self, fd: int, length: int, offset: int) -> None:
        self.guest.pwrite(fd, b"x" * length, offset)

    @rule(fd=_fds, size=st.integers(0, 4_000))
    def resize(self, fd: int, size: int) -> None:
        self.guest.call("fd_filestat_set_size", fd, size)

    @rule(fd=_fds, offset=st.integers(0, 3_000), length=st.integers(0, 500))
    def allocate(self, fd: int, offset: int, length: int) -> None:
        self.guest.call("fd_allocate", fd, offset, length)

    @rule(path=_paths)
    def make_folder(self, path: bytes) -> None:
        self.guest.call("path_create_directory", _TOP, path)

    @rule(path=_paths)
    def remove(self, path: bytes) -> None:
        if self.guest.call("path_unlink_file", _TOP, path) is Errno.ISDIR:
            self.guest.call("path_remove_directory", _TOP, path)

    @rule(old=_paths, new=_paths)
    def link(self, old: bytes, new: bytes) -> None:
        self.guest.call("path_link", _TOP, 0, old, _TOP, new)

    @rule(old=_paths, new=_paths)
    def rename(self, old: bytes, new: bytes) -> None:
        self.guest.call("path_rename", _TOP, old, _TOP, new)

    @rule(leads_to=st.sampled_from([b"a", b"d", b"x" * 300]), path=_paths)
    def make_link(self, leads_to: bytes, path: bytes) -> None:
        self.guest.call("path_symlink", leads_to, _TOP, path)

    @invariant()
    def what_is_counted_is_what_is_held(self) -> None:
        scratch = self.world.scratch
        assert scratch is not None
        assert scratch.bytes_held == _held(self.world)
        assert scratch.bytes_held <= scratch.bytes_peak <= _QUOTA

    def teardown(self) -> None:
        scratch = self.world.scratch
        assert scratch is not None
        for fd in [fd for fd in self.world.descriptors if fd > _TOP]:
            self.guest.call("fd_close", fd)
        _remove_all(self.guest, scratch.top, b"")
        assert scratch.bytes_held == 0


TestScratch = ScratchMachine.TestCase
TestScratch.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_write_that_does_not_fit_writes_nothing_and_is_noted() -> None:
    world = world_of(scratch_bytes_max=_QUOTA)
    guest = Caller(Direct(world))
    assert guest.open(_TOP, b"f", CREAT, READ | WRITE) is Errno.SUCCESS
    room = _QUOTA - NODE_BYTES - 1
    assert guest.write(4, b"x" * (room + 1)) is Errno.NOSPC
    assert guest.fstat(4) is Errno.SUCCESS
    assert guest.stat_value[4] == 0
    assert world.violations.counts == {(ViolationKind.SCRATCH_FULL, ""): 1}
    assert guest.write(4, b"x" * room) is Errno.SUCCESS
    assert world.scratch is not None
    assert world.scratch.bytes_peak == _QUOTA


def test_sizes_beyond_everything_are_refused_before_anything_is_made() -> None:
    guest = Caller(Direct(world_of(scratch_bytes_max=_QUOTA)))
    assert guest.open(_TOP, b"f", CREAT, READ | WRITE) is Errno.SUCCESS
    assert guest.call("fd_filestat_set_size", 4, 2**62) is Errno.NOSPC
    assert guest.call("fd_filestat_set_size", 4, 2**64 - 1) is Errno.INVAL
    assert guest.call("fd_allocate", 4, 2**63, 2**63) is Errno.INVAL
    assert guest.pwrite(4, b"x", 2**62) is Errno.NOSPC
    assert guest.pwrite(4, b"x", 2**64 - 1) is Errno.FBIG


def _held(world: World) -> int:
    assert world.scratch is not None
    names, entries = 0, dict[int, Entry]()
    folders = [world.scratch.top]
    while folders:
        for name, entry in folders.pop().entries.items():
            names += NODE_BYTES + len(name)
            entries[id(entry)] = entry
            if isinstance(entry, Folder):
                folders.append(entry)
    for opened in world.descriptors.values():
        if isinstance(opened, OpenFile):
            entries[id(opened.file)] = opened.file
    return names + sum(_content_of(entry) for entry in entries.values())


def _content_of(entry: Entry) -> int:
    match entry:
        case File():
            return len(entry.content)
        case Link():
            return len(entry.target)
        case _:
            return 0


def _remove_all(guest: Caller, folder: Folder, path: bytes) -> None:
    for name, entry in list(folder.entries.items()):
        below = path + name
        if isinstance(entry, Folder):
            _remove_all(guest, entry, below + b"/")
            assert guest.call("path_remove_directory", _TOP, below) is Errno.SUCCESS
        else:
            assert guest.call("path_unlink_file", _TOP, below) is Errno.SUCCESS
