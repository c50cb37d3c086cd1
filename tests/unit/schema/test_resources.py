"""What a module may read of its package: which files, in which bytes, within which bounds."""

import pytest

from schema.errors import SpellError
from schema.limits import RESOURCES_BYTES_MAX
from schema.package import build_package, read_package
from schema.packaging.resources import granted, read_resources
from schema.packaging.tar_writing import write_tar
from tests.support.e2e_packages import files_of

RESOURCES = {
    "resources/words.txt": b"words",
    "resources/words.txt.bak": b"old",
    "resources/data/a.bin": b"a",
    "resources/data/deep/b.bin": b"b",
    "resources/database.bin": b"no folder of that name",
}


def package_files(fs_read: list[str], resources: dict[str, bytes]) -> dict[str, bytes]:
    files = files_of("com.acme.reads", b"\0asm", policy={"fs_read": fs_read})
    return files | resources


def refused_entry(fs_read: list[str], resources: dict[str, bytes]) -> tuple[str | None, str]:
    with pytest.raises(SpellError) as caught:
        build_package(package_files(fs_read, resources))
    assert caught.value.code == "PACKAGE_INVALID"
    return caught.value.details["entry"], caught.value.message


@pytest.mark.parametrize(
    ("entries", "names"),
    [
        (["resources"], set(RESOURCES)),
        (["resources/words.txt"], {"resources/words.txt"}),
        (["resources/data"], {"resources/data/a.bin", "resources/data/deep/b.bin"}),
        (["resources/data/deep", "resources/words.txt"],
         {"resources/data/deep/b.bin", "resources/words.txt"}),
        (["resources", "resources/data"], set(RESOURCES)),
        ([], set()),
    ],
)  # fmt: skip
def test_an_entry_opens_a_file_or_a_whole_folder_and_nothing_beside_it(
    entries: list[str], names: set[str]
) -> None:
    files = package_files(entries, RESOURCES)
    assert set(granted(files, entries)) == names


def test_the_archive_gives_back_the_files_by_their_names_in_the_package() -> None:
    assert read_resources(write_tar(RESOURCES)) == RESOURCES


def test_equal_grants_have_equal_bytes_whatever_the_order_and_the_rest_of_the_package() -> None:
    some = ["resources/data", "resources/words.txt"]
    turned = dict(reversed(RESOURCES.items())) | {"README.md": b"another package"}
    assert write_tar(granted(RESOURCES, some)) == write_tar(granted(turned, some[::-1]))


@pytest.mark.parametrize(
    "entry", ["resources/absent.txt", "resources/dat", "resources/data/deep/b"]
)
def test_an_entry_that_names_nothing_in_the_package_is_refused_by_its_name(entry: str) -> None:
    found, message = refused_entry(["resources/words.txt", entry], RESOURCES)
    assert found == entry
    assert "runtime.policy.fs_read" in message


def test_resources_without_any_file_are_refused() -> None:
    assert refused_entry(["resources"], {})[0] == "resources"


def test_the_largest_resources_are_granted_and_one_byte_more_is_refused() -> None:
    header_and_end = 512 + 1024
    largest = {"resources/big.bin": bytes(RESOURCES_BYTES_MAX - header_and_end)}
    package = read_package(build_package(package_files(["resources"], largest)))
    assert read_resources(write_tar(granted(package.files, ["resources"]))) == largest
    over = {"resources/big.bin": largest["resources/big.bin"] + b"x"}
    entry, message = refused_entry(["resources"], over)
    assert entry == "resources"
    assert str(RESOURCES_BYTES_MAX) in message


def test_resources_that_are_not_granted_do_not_count() -> None:
    files = {"resources/big.bin": bytes(RESOURCES_BYTES_MAX), "resources/small.txt": b"small"}
    build_package(package_files(["resources/small.txt"], files))


@pytest.mark.parametrize(
    ("archive", "part"),
    [
        (write_tar({"spell.wasm": b"\0asm"}), "not a resource"),
        (write_tar(RESOURCES)[:-1], "damaged"),
        (b"", "damaged"),
        (bytes(RESOURCES_BYTES_MAX + 1), "larger than"),
    ],
)
def test_an_archive_that_no_publication_makes_is_refused(archive: bytes, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        read_resources(archive)
