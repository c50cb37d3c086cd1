"""The line locator on documents that try to mislead it."""

import tomllib

import pytest

from schema.packaging.toml_lines import DEPTH_MAX, TomlTooDeepError, line_of, member_lines


def lines(*rows: str) -> dict[tuple[str | int, ...], int]:
    source = "\n".join(rows) + "\n"
    tomllib.loads(source)
    return member_lines(source)


def test_plain_members_stand_on_their_lines() -> None:
    found = lines("a = 1", "", "# b = 2", "b = 2")
    assert found == {("a",): 1, ("b",): 4}


def test_a_table_stands_at_its_header_and_its_members_below() -> None:
    found = lines("", "[ a . b ]  # [c]", "c = 1")
    assert found == {("a",): 2, ("a", "b"): 2, ("a", "b", "c"): 3}


def test_a_header_of_its_own_outranks_one_that_passes_through() -> None:
    assert lines("[a.b]", "x = 1", "[a]", "y = 1")[("a",)] == 3


def test_dotted_keys_name_every_level() -> None:
    found = lines("[s]", "a . b.c = 1", "a.d = 2")
    assert found[("s", "a")] == 2
    assert found[("s", "a", "b", "c")] == 2
    assert found[("s", "a", "d")] == 3


def test_quoted_keys_are_read_as_their_text() -> None:
    found = lines('"a.b" = 1', "'c = d' = 2", '"\\u0041\\"" = 3', '"" = 4', '["x]y"."#"]', "z = 1")
    assert found[("a.b",)] == 1
    assert found[("c = d",)] == 2
    assert found[('A"',)] == 3
    assert found[("",)] == 4
    assert found[("x]y", "#", "z")] == 6


@pytest.mark.parametrize(
    "value",
    [
        '"b = [ { # \\" \\\\"',
        "'b = [ { # \" \\'",
        '"""\nb = 1\n[c]\n"""',
        '"""a\\"""b = "" """',
        '"""a"""""',
        "'''\nb = 1\n[c]\n'''",
        "'''a'''''",
        '""""""',
        '""',
        "''",
        "1979-05-27 07:32:00 # b = 1",
        "[1, # ]\n 2]",
        '["]", \'[\', """\n]""",\n]',
        '{ x = "}", "y" = { z = [ { q = 1 }, {} ] } }',
        "[ [], [[]], {}, ]",
        "-inf",
        "+1_000.5e-3",
        "0xFF",
        "true",
    ],
)
def test_no_value_hides_or_fakes_the_next_member(value: str) -> None:
    source = f"a = {value}\nlast = 1\n[table]\nmember = 1\n"
    found = lines(source.rstrip("\n"))
    at = source.count("\n") - 2
    assert found[("a",)] == 1
    assert found[("last",)] == at
    assert found[("table",)] == at + 1
    assert found[("table", "member")] == at + 2
    assert ("b",) not in found
    assert ("c",) not in found


def test_entries_of_a_list_over_several_lines_stand_on_theirs() -> None:
    found = lines("a = [", '  "x", # "y",', "", '  "z",', "]")
    assert found == {("a",): 1, ("a", 0): 2, ("a", 1): 4}


def test_members_of_inline_tables_are_found() -> None:
    found = lines("a = [ { b.c = 1 },", "  { b = { c = 2 } } ]")
    assert found[("a", 0, "b", "c")] == 1
    assert found[("a", 1, "b", "c")] == 2


def test_lists_of_tables_count_their_entries() -> None:
    found = lines("[[a]]", "b = 1", "[[a]]", "b = 2", "[[a.c]]", "d = 1", "[a.e]", "f = 1")
    assert found[("a",)] == 1
    assert found[("a", 0, "b")] == 2
    assert found[("a", 1)] == 3
    assert found[("a", 1, "b")] == 4
    assert found[("a", 1, "c", 0, "d")] == 6
    assert found[("a", 1, "e", "f")] == 8


def test_windows_line_ends_count_once() -> None:
    assert member_lines("a = 1\r\n\r\n[b]\r\nc = 'x'\r\n")[("b", "c")] == 4


def test_what_stands_before_a_syntax_error_is_found() -> None:
    assert member_lines('a = 1\nb = "open\nc = 1\n') == {("a",): 1, ("b",): 2}


@pytest.mark.parametrize("source", ["=", "[", "[[a]", "a", "a =", "a = [", "a = {b", '"\\x" = 1'])
def test_broken_documents_end_the_scan(source: str) -> None:
    member_lines(source)


@pytest.mark.parametrize(
    "source",
    [
        "ok = 1\n" + ".".join("a" * (DEPTH_MAX + 1)) + " = 1",
        "ok = 1\n[" + ".".join("a" * 10_000) + "]",
        "ok = 1\na = " + "[" * 30_000,
        "ok = 1\na = " + "{a=" * 10_000,
        "ok = 1\na.a.a.a.a.a.a.a = {b.b.b.b.b.b.b.b.b = 1}",
    ],
)
def test_deep_nesting_is_refused_with_its_line(source: str) -> None:
    with pytest.raises(TomlTooDeepError) as caught:
        member_lines(source)
    assert caught.value.line == 2


def test_a_missing_member_is_placed_at_what_surrounds_it() -> None:
    found = lines("[a]", "b = 1")
    assert line_of(found, ("a", "missing")) == 1
    assert line_of(found, ("a", "b", 0, "deeper")) == 2
    assert line_of(found, ("missing",)) is None
    assert line_of(found, ()) is None
