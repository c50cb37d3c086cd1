import base64
from pathlib import Path

import pytest
from nacl.public import PrivateKey

from infra.embedded import servers
from infra.embedded.credentials import Credentials, load_or_create
from infra.embedded.environment import (
    Endpoints,
    external_variables,
    platform_environment,
    runner_environment,
)
from infra.embedded.errors import EmbeddedPlatformError
from infra.embedded.layout import Layout
from infra.embedded.ports import USUAL_PORTS
from infra.settings import PlatformSettings
from infra.vault import PlatformVault
from runner.settings import RunnerSettings
from schema.compiled_code import CODE_SIGNING_PURPOSE

BARE = {"PATH", "HOME", "LANG", "TZ", "PYTHONUNBUFFERED"}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path)


@pytest.fixture
def credentials(layout: Layout) -> Credentials:
    return load_or_create(layout)


@pytest.fixture
def endpoints(layout: Layout, credentials: Credentials) -> Endpoints:
    return servers.endpoints(layout, USUAL_PORTS, credentials, {})


def test_the_platforms_settings_read_its_environment(
    endpoints: Endpoints, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in platform_environment(endpoints, credentials).items():
        monkeypatch.setenv(name, value)
    settings = PlatformSettings()
    assert settings.database_url.get_secret_value() == endpoints.database_url
    assert settings.temporal_ui_url == "http://127.0.0.1:8233"
    assert len(base64.b64decode(settings.master_key.get_secret_value())) == 32
    assert str(settings.trust_root_file) == endpoints.trust_root_file
    assert not settings.accept_unsigned_packages, "unsigned is refused here as everywhere"
    assert settings.codec_open_to_ui


def test_the_platform_pays_at_its_own_stripe_unless_it_is_told_of_another(
    endpoints: Endpoints, credentials: Credentials, layout: Layout
) -> None:
    ours = platform_environment(endpoints, credentials)
    assert ours["SPELL_STRIPE_URL"] == "http://127.0.0.1:8231"
    assert ours["SPELL_STRIPE_KEY"] == credentials.stripe_key
    theirs = {"SPELL_STRIPE_URL": "https://api.stripe.com", "SPELL_STRIPE_KEY": "sk_live_x"}
    assert "stripe" not in servers.needed_ports(theirs)
    ports = {name: port for name, port in USUAL_PORTS.items() if name != "stripe"}
    elsewhere = servers.endpoints(layout, ports, credentials, {})
    environment = platform_environment(elsewhere, credentials, theirs)
    assert {name: environment[name] for name in theirs} == theirs
    assert credentials.stripe_key not in environment.values()
    assert credentials.stripe_webhook_secret not in environment.values()


@pytest.mark.parametrize(
    ("given", "accepted"),
    [
        (None, []),
        ("whsec_one", ["whsec_one"]),
        ("whsec_old, whsec_new", ["whsec_old", "whsec_new"]),
    ],
)
def test_one_or_two_secrets_of_stripes_webhook_are_accepted(
    endpoints: Endpoints,
    credentials: Credentials,
    monkeypatch: pytest.MonkeyPatch,
    given: str | None,
    accepted: list[str],
) -> None:
    for name, value in platform_environment(endpoints, credentials).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SPELL_STRIPE_WEBHOOK_SECRET")
    if given is not None:
        monkeypatch.setenv("SPELL_STRIPE_WEBHOOK_SECRET", given)
    settings = PlatformSettings()
    assert settings.stripe_webhook_secrets == accepted
    assert "whsec_" not in repr(settings)


def test_the_runners_settings_read_its_environment(
    endpoints: Endpoints, credentials: Credentials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = runner_environment(endpoints, credentials, tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = RunnerSettings()
    assert settings.data_dir == tmp_path
    assert settings.nats_url.get_secret_value().startswith("nats://runner:")
    private = PrivateKey(base64.b64decode(settings.private_key.get_secret_value()))
    assert bytes(private.public_key) == base64.b64decode(credentials.runner_public_key)


def test_the_runner_is_told_five_things_and_no_other_secret(
    endpoints: Endpoints, credentials: Credentials, tmp_path: Path
) -> None:
    user = {"SPELL_LOG_LEVEL": "DEBUG", "AWS_SECRET_ACCESS_KEY": "s"}
    environment = runner_environment(endpoints, credentials, tmp_path, user)
    assert environment.keys() - BARE == {
        "SPELL_RUNNER_NATS_URL",
        "SPELL_RUNNER_PRIVATE_KEY",
        "SPELL_RUNNER_CODE_PUBLIC_KEY",
        "SPELL_RUNNER_DATA_DIR",
        "SPELL_RUNNER_CHILDREN",
    }
    printed = " ".join(environment.values())
    assert credentials.nats_platform_password not in printed
    assert credentials.postgres_password not in printed
    assert credentials.master_key not in printed


def test_the_runner_knows_code_by_the_key_of_the_platform_that_signs_it(
    endpoints: Endpoints, credentials: Credentials, tmp_path: Path
) -> None:
    """Also when the user brings a master key: then it is that one's."""
    for master_key in (credentials.master_key, base64.b64encode(b"m" * 32).decode()):
        user = {"SPELL_MASTER_KEY": master_key}
        environment = runner_environment(endpoints, credentials, tmp_path, user)
        vault = PlatformVault(base64.b64decode(master_key), credentials.runner_public_key)
        told = base64.b64decode(environment["SPELL_RUNNER_CODE_PUBLIC_KEY"])
        assert told == vault.public_key(CODE_SIGNING_PURPOSE)


def test_a_master_key_that_is_none_is_told_by_name(
    endpoints: Endpoints, credentials: Credentials, tmp_path: Path
) -> None:
    with pytest.raises(EmbeddedPlatformError, match="SPELL_MASTER_KEY"):
        runner_environment(endpoints, credentials, tmp_path, {"SPELL_MASTER_KEY": "?"})


def test_the_platform_is_not_told_the_runners_private_key(
    endpoints: Endpoints, credentials: Credentials
) -> None:
    user = {"SPELL_RUNNER_PRIVATE_KEY": "private", "SPELL_RUNNER_PUBLIC_KEY": "public"}
    environment = platform_environment(endpoints, credentials, user)
    assert "SPELL_RUNNER_PRIVATE_KEY" not in environment
    assert credentials.runner_private_key not in environment.values()
    assert environment["SPELL_RUNNER_PUBLIC_KEY"] == "public"


def test_the_callers_environment_is_not_inherited(
    endpoints: Endpoints,
    credentials: Credentials,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_of_the_shell")
    for environment in (
        platform_environment(endpoints, credentials),
        runner_environment(endpoints, credentials, tmp_path),
    ):
        assert "STRIPE_API_KEY" not in environment


def test_the_users_own_variables_win(endpoints: Endpoints, credentials: Credentials) -> None:
    environment = platform_environment(endpoints, credentials, {"SPELL_LOG_LEVEL": "DEBUG"})
    assert environment["SPELL_LOG_LEVEL"] == "DEBUG"


def test_only_set_variables_that_concern_the_platform_are_taken_over() -> None:
    user = {"SPELL_REDIS_URL": "redis://r", "SPELL_NATS_URL": "", "AWS_REGION": "x", "EDITOR": "vi"}
    assert external_variables(user) == {"SPELL_REDIS_URL": "redis://r", "AWS_REGION": "x"}


def test_external_servers_need_no_port_and_are_used_as_given(
    layout: Layout, credentials: Credentials
) -> None:
    user = {
        "SPELL_DATABASE_URL": "postgresql://db/spell",
        "SPELL_TEMPORAL_ADDRESS": "temporal:7233",
        "SPELL_NATS_URL": "nats://bus",
        "SPELL_RUNNER_NATS_URL": "nats://runner@bus",
        "SPELL_REDIS_URL": "redis://cache",
        "SPELL_OBJECT_STORE_URL": "s3://bucket",
        "SPELL_TRUST_ROOT_FILE": "/etc/spell/trusted_root.json",
        "SPELL_GITHUB_API_URL": "https://api.github.com",
        "SPELL_STRIPE_URL": "https://api.stripe.com",
    }
    assert servers.needed_ports(user) == ["api"]
    found = servers.endpoints(layout, {"api": 8080}, credentials, user)
    assert found == Endpoints(
        api_url="http://127.0.0.1:8080",
        database_url="postgresql://db/spell",
        temporal_address="temporal:7233",
        temporal_ui_url="",
        nats_url="nats://bus",
        runner_nats_url="nats://runner@bus",
        redis_url="redis://cache",
        object_store_url="s3://bucket",
        trust_root_file="/etc/spell/trusted_root.json",
        sigstore_url="",
        github={},
    )


def test_the_platform_trusts_its_own_sigstore_unless_the_user_names_another_root(
    layout: Layout, endpoints: Endpoints, credentials: Credentials
) -> None:
    environment = platform_environment(endpoints, credentials)
    assert environment["SPELL_TRUST_ROOT_FILE"] == str(layout.sigstore / "trusted_root.json")
    assert endpoints.sigstore_url == "http://127.0.0.1:8230"
    user = {"SPELL_TRUST_ROOT_FILE": "/etc/spell/trusted_root.json"}
    assert "sigstore" not in servers.needed_ports(user)
    environment = platform_environment(endpoints, credentials, user)
    assert environment["SPELL_TRUST_ROOT_FILE"] == "/etc/spell/trusted_root.json"


def test_an_external_bus_without_a_runner_user_is_refused() -> None:
    with pytest.raises(EmbeddedPlatformError, match="SPELL_RUNNER_NATS_URL is needed too"):
        servers.needed_ports({"SPELL_NATS_URL": "nats://bus"})


def test_without_a_redis_program_the_api_embeds_redis(
    layout: Layout, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.embedded.binaries.redis_server", lambda: None)
    names = servers.needed_ports({})
    assert "redis" not in names
    ports = {name: USUAL_PORTS[name] for name in names}
    assert servers.endpoints(layout, ports, credentials, {}).redis_url == "burner://"


def test_endpoints_do_not_show_passwords_when_printed(
    endpoints: Endpoints, credentials: Credentials
) -> None:
    assert credentials.postgres_password in endpoints.database_url
    assert credentials.postgres_password not in repr(endpoints)
    assert credentials.nats_runner_password not in repr(endpoints)


def test_a_data_directory_too_deep_for_a_socket_is_reached_by_tcp(
    tmp_path: Path, credentials: Credentials
) -> None:
    deep = Layout(tmp_path / ("d" * 100))
    found = servers.endpoints(deep, USUAL_PORTS, credentials, {})
    assert found.database_url.endswith("@127.0.0.1:5433/spell")
