"""Our functions answer as wasmtime's own do, which go to the kernel.

Goal: a program that was tried elsewhere finds the same files here. Method: any sequence of calls on
both, on our tree and on a folder of the disk, and each errno and each result compared. Where they
may differ is listed, with the reason.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.sandbox.wasi.abi import Errno, FileType
from runner.sandbox.wasi.files import Device, Scratch
from runner.sandbox.wasi.world import OpenFolder
from schema.limits import MIB
from tests.support.wasi_calls import (
    CREAT,
    DIRECTORY,
    EXCL,
    READ,
    TRUNC,
    WRITE,
    Caller,
    Puppet,
)
from tests.support.wasi_stage import Stage, world_of

_TOP = 3
_PATHS = [
    *(b"a", b"b", b"d", b"d/a", b"d/e", b"d/e/a", b"l", b"d/l", b"a/", b"d/", b"l/", b"new/"),
    *(b".", b"./a", b"d/.", b"d/..", b"d/../a", b"..", b"../a", b"d/../..", b"/a", b"l/a", b"a/a"),
]
_TARGETS = [b"a", b"d", b"d/e", b"..", b"../a", b"l", b"missing", b"d/"]
# Where both refuse, and name another of two reasons that hold at once: two paths that are both
# wrong, a slash after a link, a descriptor that is no folder. The official tests allow either.
_REASONS_AT_ONCE = [
    *(
        {Errno.NOTDIR, other}
        for other in (Errno.BADF, Errno.NOENT, Errno.PERM, Errno.LOOP, Errno.EXIST)
    ),
    *({Errno.PERM, other} for other in (Errno.NOENT, Errno.LOOP, Errno.ISDIR)),
    *({Errno.LOOP, other} for other in (Errno.NOENT, Errno.ISDIR)),
]
Answer = tuple[Errno, object]


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


@pytest.fixture(scope="module")
def theirs() -> Callable[[Path], Caller]:
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()

    def caller(folder: Path) -> Caller:
        store, wasi = wasmtime.Store(engine), wasmtime.WasiConfig()
        wasi.preopen_dir(str(folder), "/")
        store.set_wasi(wasi)
        return Caller(Puppet(store, linker))

    return caller


@pytest.fixture(scope="module")
def ours(stage: Stage) -> Callable[[], Caller]:
    def caller() -> Caller:
        world = world_of()
        tree = world.trees[Device.SCRATCH] = Scratch(MIB, world.clock.realtime, lambda: None)
        world.open(OpenFolder(tree.top, b"/"))
        return Caller(Puppet(stage.new_store(world), stage.linker))

    return caller


_path, _fd = st.sampled_from(_PATHS), st.integers(3, 7)
# A file that is made without the right to write can be written to under wasmtime.
_way = st.sampled_from(
    [
        *((0, rights) for rights in (READ, WRITE, READ | WRITE)),
        *((oflags, READ | WRITE) for oflags in (CREAT, CREAT | EXCL, TRUNC, DIRECTORY)),
        (CREAT | TRUNC, WRITE),
        (DIRECTORY, READ),
    ]
)
_offset = st.sampled_from([0, 1, 5, 100])
_step = st.one_of(
    st.tuples(st.just("open"), _path, _way, st.sampled_from([0, 1])),
    st.tuples(st.just("path_create_directory"), _path),
    # wasmtime refuses to remove `d/` with INVAL; the official tests want it removed.
    st.tuples(st.just("path_remove_directory"), _path.filter(lambda path: path[-1:] != b"/")),
    st.tuples(st.just("path_unlink_file"), _path),
    st.tuples(st.just("path_rename"), _path, _path),
    st.tuples(st.just("path_link"), _path, _path),
    st.tuples(st.just("path_symlink"), st.sampled_from(_TARGETS), _path),
    st.tuples(st.just("readlink"), _path),
    st.tuples(st.just("stat"), _path, st.booleans()),
    st.tuples(st.just("names"), _path),
    st.tuples(st.just("write"), _fd, st.binary(max_size=20)),
    st.tuples(st.just("pwrite"), _fd, st.binary(max_size=20), _offset),
    st.tuples(st.just("read"), _fd, st.integers(0, 30)),
    st.tuples(st.just("pread"), _fd, st.integers(0, 30), _offset),
    st.tuples(st.just("seek"), _fd, st.integers(-20, 20), st.integers(0, 2)),
    st.tuples(st.just("fd_filestat_set_size"), _fd, _offset),
    st.tuples(st.just("fd_allocate"), _fd, _offset, _offset),
    st.tuples(st.just("fd_close"), _fd),
    st.tuples(st.just("fd_renumber"), _fd, _fd),
    st.tuples(st.just("fd_sync"), _fd),
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(_step, max_size=25))
def test_any_steps_end_the_same_on_both(
    steps: list[tuple[object, ...]],
    ours: Callable[[], Caller],
    theirs: Callable[[Path], Caller],
) -> None:
    with TemporaryDirectory() as folder:
        both = ours(), theirs(Path(folder))
        for number, step in enumerate(steps):
            mine, other = (_answer(caller, *step) for caller in both)
            assert _same(step, mine, other), (steps[: number + 1], mine, other)
            if step[0] == "fd_allocate" and mine[0] is Errno.SUCCESS and other[0] is not mine[0]:
                break  # from here on they hold different files


def _same(step: tuple[object, ...], mine: Answer, other: Answer) -> bool:
    if step[0] == "fd_allocate" and other[0] is Errno.NOTSUP:
        return True  # wasmtime leaves it to the kernel, which may not have it
    if step[0] == "fd_sync" and other[0] is Errno.BADF:
        return True  # ours may sync a folder, as databases do
    return mine == other or {mine[0], other[0]} in _REASONS_AT_ONCE


def _answer(caller: Caller, name: object, *given: Any) -> Answer:
    """What a step came to, without what must differ: inodes and times."""
    assert isinstance(name, str)
    caller.value = 0
    if name in _STEPS:
        errno = _STEPS[name](caller, *given)
    elif name.startswith("fd_"):
        errno = caller.call(name, *given)
    else:
        errno = getattr(caller, name)(*given)
    return errno, caller.value if errno is Errno.SUCCESS else None


def _stat(caller: Caller, path: bytes, follow: bool) -> Errno:
    errno = caller.stat(_TOP, path, follow=follow)
    _, _, kind, links, size, *_ = caller.stat_value
    # The size of a folder and how often it is linked are the disk's affair.
    caller.value = (kind, links, size) if kind == FileType.REGULAR_FILE else kind
    return errno


def _names(caller: Caller, path: bytes) -> Errno:
    errno = caller.open(_TOP, path, DIRECTORY)
    if errno is Errno.SUCCESS:
        fd = caller.number
        names = sorted(caller.names(fd, 64))
        caller.call("fd_close", fd)
        caller.value = names
    return errno


_STEPS: dict[str, Callable[..., Errno]] = {
    "open": lambda caller, path, way, lookup: caller.open(_TOP, path, *way, lookup=lookup),
    "stat": _stat,
    "names": _names,
    "readlink": lambda caller, path: caller.readlink(_TOP, path),
    "path_rename": lambda caller, old, new: caller.call("path_rename", _TOP, old, _TOP, new),
    "path_link": lambda caller, old, new: caller.call("path_link", _TOP, 0, old, _TOP, new),
    "path_symlink": lambda caller, target, path: caller.call("path_symlink", target, _TOP, path),
    **{
        name: partial(lambda name, caller, path: caller.call(name, _TOP, path), name)
        for name in ("path_create_directory", "path_remove_directory", "path_unlink_file")
    },
}
