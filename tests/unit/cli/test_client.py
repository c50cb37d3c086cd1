"""The CLI's way to the API: where it is, and errors as people should read them."""

import json
import os
from pathlib import Path

import httpx
import pytest

from cli.client import (
    Api,
    CliError,
    ExitCode,
    Profile,
    describe_problem,
    error_of,
    in_path,
)
from schema.errors import catalogue

URL, KEY = "http://127.0.0.1:8080", "sk_aaaaaaaaaaaa_" + "b" * 32


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPELL_API_URL", raising=False)
    monkeypatch.delenv("SPELL_API_KEY", raising=False)


def test_a_problem_reads_code_places_details_and_remedy() -> None:
    text = describe_problem(
        {
            "code": "MANIFEST_INVALID",
            "message": "manifest.toml has errors.",
            "details": {
                "errors": [
                    {"line": 4, "field": "spell.key", "message": "is required"},
                    {"line": None, "field": "", "message": "is not UTF-8"},
                    {"path": "/inputs/count", "message": "is less than the minimum of 1"},
                    {"path": "", "message": "is not of type object"},
                ],
                "entry": "manifest.toml",
                "offset": None,
            },
            "remedy": "Mend it.",
        }
    )
    assert text.splitlines() == [
        "MANIFEST_INVALID: manifest.toml has errors.",
        "  - line 4: spell.key is required",
        "  - is not UTF-8",
        "  - /inputs/count is less than the minimum of 1",
        "  - is not of type object",
        "  entry: manifest.toml",
        "  What to do: Mend it.",
    ]


@pytest.mark.parametrize("code", list(catalogue()))
def test_every_code_can_be_described(code: str) -> None:
    kind = catalogue()[code]
    text = describe_problem({"code": code, "message": kind.title, "remedy": kind.remedy})
    assert text == f"{code}: {kind.title}\n  What to do: {kind.remedy}"


@pytest.mark.parametrize(("status", "exit_code"), [(402, 3), (404, 3), (500, 4), (503, 4)])
def test_an_error_keeps_the_platforms_document(status: int, exit_code: int) -> None:
    problem = {"code": "X", "message": "no", "details": {}}
    error = error_of(httpx.Response(status, json=problem))
    assert (error.exit_code, error.document, str(error)) == (exit_code, problem, "X: no")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"5", b'{"detail": "x"}'])
def test_an_answer_of_somebody_else_is_an_error_too(content: bytes) -> None:
    error = error_of(httpx.Response(502, content=content))
    assert (error.exit_code, str(error)) == (ExitCode.PLATFORM, "The server answered 502.")
    assert error.document == {"message": "The server answered 502."}


def test_the_environment_says_where_the_platform_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPELL_API_URL", URL + "/")
    monkeypatch.setenv("SPELL_API_KEY", KEY)
    assert Profile.find() == Profile(URL, KEY)


def test_a_profile_is_saved_for_its_owner_and_found_from_below(tmp_path: Path) -> None:
    (tmp_path / ".spell").mkdir()
    Profile(URL, KEY).save(tmp_path / ".spell")
    saved = tmp_path / ".spell" / "client.json"
    assert saved.stat().st_mode & 0o777 == 0o600
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert Profile.find(below) == Profile(URL, KEY)


def test_the_environment_wins_over_what_was_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".spell").mkdir()
    Profile(URL, KEY).save(tmp_path / ".spell")
    monkeypatch.setenv("SPELL_API_KEY", "sk_other")
    assert Profile.find(tmp_path) == Profile(URL, "sk_other")


def test_without_a_platform_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="`spell dev`") as caught:
        Profile.find(tmp_path)
    assert caught.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize("content", ["", "{", "[]", '{"api_url": "x"}', "null"])
def test_a_broken_profile_is_told_without_a_traceback(tmp_path: Path, content: str) -> None:
    (tmp_path / ".spell").mkdir()
    (tmp_path / ".spell" / "client.json").write_text(content)
    with pytest.raises(CliError, match="cannot be read"):
        Profile.find(tmp_path)


@pytest.mark.parametrize(("url", "key"), [("http://[::", KEY), (URL, "schlüssel")])
def test_an_address_or_key_that_is_none_is_wrong_use_and_not_quoted(url: str, key: str) -> None:
    with pytest.raises(CliError, match="is no key") as caught:
        Api(Profile(url, key))
    assert key not in str(caught.value)


def test_a_platform_that_cannot_be_reached_is_named_with_a_hint() -> None:
    api = Api(Profile("nonsense:1", KEY))
    with pytest.raises(CliError, match="does not answer") as caught:
        api.json("GET", "/v1/spells")
    assert caught.value.exit_code == ExitCode.PLATFORM
    assert KEY not in json.dumps(caught.value.document)
    api.close()


@pytest.mark.parametrize("name", ["../keys", "a/b", "a?b", "a#b", "ä", "%2e", "\0"])
def test_a_name_stays_one_segment_of_a_path(name: str) -> None:
    path = httpx.URL(f"{URL}/v1/casts/{in_path(name)}/logs").raw_path.decode()
    assert path.count("/") == 4
    assert path.startswith("/v1/casts/")
    assert os.path.normpath(path) == path
