"""What the cache did can be read as one typed object, and is told as one line."""

import asyncio
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import pytest

from infra.telemetry import JsonFormatter
from runner.compiling.cache_counters import CacheCounters, CacheNumbers, reporting


def test_a_new_cache_has_done_nothing() -> None:
    assert CacheCounters().numbers() == CacheNumbers()


def test_counts_from_many_threads_are_all_there() -> None:
    counters = CacheCounters()
    with ThreadPoolExecutor(8) as pool:
        for _ in range(2000):
            pool.submit(counters.count, "corrupt")
            pool.submit(counters.count_fetched, 10)
    numbers = counters.numbers()
    assert (numbers.corrupt, numbers.hits_fetched, numbers.fetched_bytes) == (2000, 2000, 20_000)


async def test_a_line_is_told_from_time_to_time_and_at_the_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counters = CacheCounters()
    with caplog.at_level(logging.INFO, "runner.compiling.cache_counters"):
        async with reporting(counters, interval_seconds=0.01):
            async with asyncio.timeout(10):
                while not caplog.records:  # noqa: ASYNC110 - the log has no event
                    await asyncio.sleep(0.01)
            counters.count_compiled(77)
    first, last = caplog.records[0], caplog.records[-1]
    assert json.loads(JsonFormatter("runner").format(first))["code_cache"] == asdict(CacheNumbers())
    told = json.loads(JsonFormatter("runner").format(last))["code_cache"]
    assert (told["misses"], told["compiled_bytes"]) == (1, 77)
