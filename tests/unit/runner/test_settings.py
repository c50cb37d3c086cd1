"""Goal: a wrong setting of the network ends the runner with its name, not a cast with a riddle."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from runner.egress.locating import Endpoint
from runner.egress.static_hosts import read_static_hosts
from runner.settings import RunnerSettings
from tests.support.tls_servers import Authority


@pytest.fixture(autouse=True)
def required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPELL_RUNNER_NATS_URL", "nats://runner:x@127.0.0.1:1")
    monkeypatch.setenv("SPELL_RUNNER_PRIVATE_KEY", "x")
    monkeypatch.setenv("SPELL_RUNNER_CODE_PUBLIC_KEY", "x")


def test_the_network_is_on_and_public_without_settings() -> None:
    settings = RunnerSettings()
    assert (settings.network, settings.egress_hosts, settings.egress_authorities) == ("on", {}, "")


def test_hosts_and_authorities_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pem = Authority().pem
    (tmp_path / "ca.pem").write_text(f"# Autorit\u00e9\n{pem}", "utf-8")
    monkeypatch.setenv("SPELL_RUNNER_NETWORK", "off")
    monkeypatch.setenv("SPELL_RUNNER_EGRESS_HOSTS", "api.internal=10.0.0.5:8443")
    monkeypatch.setenv("SPELL_RUNNER_EGRESS_CA_FILE", str(tmp_path / "ca.pem"))
    settings = RunnerSettings()
    assert settings.network == "off"
    assert settings.egress_hosts == {"api.internal": Endpoint("10.0.0.5", 8443)}
    assert settings.egress_authorities.endswith(pem)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NETWORK", "perhaps"),
        ("EGRESS_HOSTS", "api.internal"),
        ("EGRESS_CA_FILE", "/nowhere/ca.pem"),
        ("EGRESS_CA_FILE", "/dev/null"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"SPELL_RUNNER_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        RunnerSettings()


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", {}),
        ("a.b=1.2.3.4", {"a.b": Endpoint("1.2.3.4", 443)}),
        (" A.b=1.2.3.4:5 , c=[::1],", {"a.b": Endpoint("1.2.3.4", 5), "c": Endpoint("::1", 443)}),
        ("a=[fd00::1]:8443", {"a": Endpoint("fd00::1", 8443)}),
    ],
)
def test_static_hosts_are_names_with_addresses(text: str, hosts: dict[str, Endpoint]) -> None:
    assert read_static_hosts(text) == hosts


@pytest.mark.parametrize(
    "text", ["a", "=1.2.3.4", "a=", "a=b.c", "a=1.2.3", "a=1.2.3.4:0", "a=1.2.3.4:x", "a=::1:443"]
)
def test_what_is_no_static_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whichever part is wrong
        read_static_hosts(text)


def test_the_last_of_two_entries_for_a_host_is_not_silently_taken() -> None:
    with pytest.raises(ValueError, match="twice"):
        read_static_hosts("a=1.2.3.4,A=1.2.3.5")
