"""What a session asks for."""

from __future__ import annotations

from annuli.freshness import Freshness


def test_a_session_that_has_seen_nothing_asks_for_nothing() -> None:
    assert Freshness().asks().fields == {}


def test_one_write_is_asked_for_by_its_token() -> None:
    seen = Freshness()
    seen.wrote("a")
    assert seen.asks().fields == {"after": "a"}


def test_of_two_writes_no_token_says_both() -> None:
    seen = Freshness()
    seen.wrote("a")
    seen.wrote("b")
    assert seen.asks().fields == {"after": "b", "consistency": "primary"}
    # The same token again is no news.
    seen.wrote("b")
    assert seen.asks().fields == {"after": "b", "consistency": "primary"}


def test_a_reply_of_every_shard_says_all_that_it_was_asked_for() -> None:
    seen = Freshness()
    seen.wrote("a")
    seen.wrote("b")
    seen.read_all("c", seen.asks())
    assert seen.asks().fields == {"after": "c"}
    seen.read_part("c")
    assert seen.asks().fields == {"after": "c"}
    seen.read_part("d")
    assert seen.asks().fields == {"after": "d", "consistency": "primary"}


def test_a_read_that_began_before_a_write_does_not_say_it() -> None:
    seen = Freshness()
    asked = seen.asks()
    seen.wrote("a")
    seen.wrote("b")
    seen.read_all("c", asked)
    assert seen.asks().fields == {"after": "c", "consistency": "primary"}


def test_a_session_that_forgets_begins_anew() -> None:
    seen = Freshness()
    seen.wrote("a")
    asked = seen.asks()
    seen.forget()
    assert seen.asks().fields == {}
    seen.read_all("b", asked)
    assert seen.asks().fields == {"after": "b"}
