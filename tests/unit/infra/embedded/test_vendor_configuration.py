import stat
from pathlib import Path

from temporalio.api.enums.v1 import IndexedValueType

from infra import temporal
from infra.embedded.credentials import load_or_create
from infra.embedded.layout import Layout
from infra.embedded.nats_permissions import runner_permissions
from infra.embedded.nats_server import nats_spec
from infra.embedded.redis_server import redis_spec
from infra.embedded.temporal_server import SEARCH_ATTRIBUTES
from infra.runner_bus import RUNNER_INBOX_PREFIX
from tests.modules.bus import RUNNER_HEARS, RUNNER_PUBLISHES


def test_the_tests_work_with_exactly_the_rights_that_a_runner_gets() -> None:
    assert set(RUNNER_PUBLISHES) == set(runner_permissions().publish)
    assert set(RUNNER_HEARS) == set(runner_permissions().subscribe)


def test_a_runner_hears_its_own_replies_stop_requests_and_revocations_only() -> None:
    heard = ("stop.*", "$KV.revocations.>", f"{RUNNER_INBOX_PREFIX}.>")
    assert runner_permissions().subscribe == heard


def test_a_runner_may_not_touch_streams_or_queue_runs() -> None:
    allowed = runner_permissions().publish
    assert not [subject for subject in allowed if subject.startswith(("$JS.API.STREAM", "run."))]
    assert not [subject for subject in allowed if subject.startswith("$JS.API.CONSUMER.CREATE")]
    assert not [subject for subject in allowed if subject.startswith("$KV")]
    assert ">" not in allowed


def test_temporal_gets_the_search_attributes_that_the_platform_uses() -> None:
    names = {
        name: IndexedValueType.Name(number).removeprefix("INDEXED_VALUE_TYPE_").capitalize()
        for name, number in temporal.SEARCH_ATTRIBUTES.items()
    }
    assert names == SEARCH_ATTRIBUTES


def test_passwords_are_in_private_files_and_not_in_arguments(tmp_path: Path) -> None:
    layout = Layout.create(tmp_path)
    credentials = load_or_create(layout)
    for spec, password in (
        (nats_spec(layout, 4222, credentials), credentials.nats_platform_password),
        (redis_spec(Path("redis"), layout, 6379, credentials), credentials.redis_password),
    ):
        configuration = Path(spec.argv[-1])
        assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
        assert password in configuration.read_text()
        assert password not in " ".join(spec.argv)
        assert password not in repr(spec)
