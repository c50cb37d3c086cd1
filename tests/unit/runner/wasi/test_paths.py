"""No path leads out of the folder that it starts from."""

from hypothesis import given, settings
from hypothesis import strategies as st

from runner.sandbox.wasi.abi import Errno, WasiError
from runner.sandbox.wasi.files import Folder, Scratch
from runner.sandbox.wasi.paths import Finder
from schema.limits import MIB

_parts = st.sampled_from([b"a", b"b", b"link", b"up", b"outside", b".", b"..", b"", b"secret"])
_paths = st.lists(_parts, min_size=1, max_size=12).map(b"/".join)


def _tree(links: list[bytes]) -> tuple[Scratch, Folder]:
    """`outside/secret` beside `inside`, where the guest is, with links to anywhere."""
    scratch = Scratch(MIB, lambda: 0, on_full=lambda: None)
    scratch.new_folder(scratch.top, b"inside")
    scratch.new_folder(scratch.top, b"outside")
    inside, outside = scratch.top.entries[b"inside"], scratch.top.entries[b"outside"]
    assert isinstance(inside, Folder)
    assert isinstance(outside, Folder)
    scratch.new_file(outside, b"secret")
    scratch.new_folder(inside, b"a")
    below = inside.entries[b"a"]
    assert isinstance(below, Folder)
    for folder, name, target in zip((inside, below), (b"link", b"up"), links, strict=True):
        scratch.new_link(folder, name, target)
    return scratch, inside


@settings(max_examples=500)
@given(path=_paths, links=st.lists(_paths, min_size=2, max_size=2), follow=st.booleans())
def test_whatever_a_path_finds_is_inside(path: bytes, links: list[bytes], follow: bool) -> None:
    escapes: list[bytes] = []
    _scratch, inside = _tree(links)
    try:
        place = Finder(escapes.append).find(inside, path, follow=follow)
    except WasiError as error:
        assert (error.errno is Errno.PERM) is bool(escapes)  # noqa: PT017
        return
    assert not escapes
    folder: Folder | None = place.folder
    while folder is not inside:
        assert folder is not None, "above the folder that it started from"
        folder = folder.parent
    assert place.entry is None or place.name in {b"", *place.folder.entries}


def test_a_chain_of_links_ends_at_its_fortieth() -> None:
    scratch = Scratch(MIB, lambda: 0, on_full=lambda: None)
    scratch.new_folder(scratch.top, b"0")
    for number in range(1, 42):
        scratch.new_link(scratch.top, b"%d" % number, b"%d" % (number - 1))
    finder = Finder(lambda _path: None)
    assert finder.find(scratch.top, b"40", follow=True).entry is scratch.top.entries[b"0"]
    try:
        finder.find(scratch.top, b"41", follow=True)
    except WasiError as error:
        assert error.errno is Errno.LOOP  # noqa: PT017
    else:
        raise AssertionError("no end")
