"""Goal: each follower is woken when it must be, and only then. Method: messages by hand."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from infra.event_backstop import EventBackstop
from infra.event_feed import NatsEventFeed
from infra.repositories.event_heads import EventHead


def a_feed() -> NatsEventFeed:
    return NatsEventFeed(cast("Any", SimpleNamespace(stats={"reconnects": 0})))


async def tell(feed: NatsEventFeed, subject_id: str) -> None:
    await feed.on_message(cast("Any", SimpleNamespace(subject=f"event.{subject_id}")))


class Heads:
    """A database; notes what it is asked."""

    def __init__(self, *heads: EventHead) -> None:
        self._heads = heads
        self.asked: list[list[str]] = []

    async def heads(self, subject_ids: Sequence[str]) -> list[EventHead]:
        self.asked.append(list(subject_ids))
        return [head for head in self._heads if head.subject_id in subject_ids]


async def test_a_hint_wakes_all_who_follow_that_cast_and_nobody_else() -> None:
    feed = a_feed()
    with feed.follow("a") as one, feed.follow("a") as two, feed.follow("b") as other:
        await tell(feed, "a")
        await tell(feed, "a")
        assert [await one.wait(1), await two.wait(1)] == [True, True]
        assert [await one.wait(0), await other.wait(0)] == [False, False]


async def test_who_has_left_is_forgotten() -> None:
    feed = a_feed()
    with feed.follow("a", seen=0), feed.follow("b"):
        assert feed.quiet() == {"a": 0}
    assert feed.quiet() == {}
    await tell(feed, "a")


async def test_a_feed_that_closes_ends_streams_and_those_still_to_come() -> None:
    feed = a_feed()
    with feed.follow("a", seen=0) as one, feed.follow("a") as waiting:
        feed.close()
        assert (one.ended, await one.wait(0)) == (True, True)
        assert not waiting.ended, "a request that waits for its answer is no stream"
        with feed.follow("b", seen=0) as late:
            assert late.ended


async def test_the_backstop_wakes_who_has_not_seen_everything_in_one_query() -> None:
    feed = a_feed()
    heads = Heads(EventHead("a", 3, False), EventHead("b", 4, False), EventHead("c", 2, True))
    with (
        feed.follow("a", seen=3) as up_to_date,
        feed.follow("b", seen=3) as behind,
        feed.follow("c", seen=99) as over,
        feed.follow("d"),
    ):
        await EventBackstop(feed, heads).look()
        woken = [await one.wait(0) for one in (up_to_date, behind, over)]
    assert woken == [False, True, True]
    assert heads.asked == [["a", "b", "c"]]
