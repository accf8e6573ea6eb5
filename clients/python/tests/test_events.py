"""How events are read, and gone on with."""

from __future__ import annotations

import httpx
import pytest
from made_up import answered_by

import annuli
from annuli._sync import client as client_module
from annuli.events import EventReader
from annuli.operations import Event


def test_events_are_whole_wherever_the_text_is_cut() -> None:
    sent = (
        'id: 7\nevent: alias_set\ndata: {"event":"alias_set","alias":"a\u2028","index":"i"}\n\n'
        "id: 9\n: alive\n\n"
        'id: 11-1\nevent: gap\ndata: {"event":"gap"}\n\n'
    )
    expected = [Event("7", "alias_set", {"alias": "a\u2028", "index": "i"}), Event("11-1", "gap", {})]
    for cut in range(len(sent)):
        reader = EventReader(None)
        assert [*reader.read(sent[:cut]), *reader.read(sent[cut:])] == expected
        assert reader.at == "11-1"


def test_a_silence_moves_on_how_far_one_has_come() -> None:
    reader = EventReader("3")
    assert list(reader.read("id: 9\n: alive\n\n")) == []
    assert reader.at == "9"


def test_what_was_cut_off_is_asked_for_again_after_the_last_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "sleep", lambda seconds: None)
    asked = []

    def one_event_each(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get("after"))
        revision = int(asked[-1] or 0) + 1
        whole = f'id: {revision}\nevent: gap\ndata: {{"event":"gap"}}\n\n'
        return httpx.Response(200, text=f"{whole}id: {revision + 1}\nevent: gap\nda")

    with answered_by(one_event_each) as client:
        events = client.events()
        assert [next(events).id for _ in range(3)] == ["1", "2", "3"]
        events.close()  # type: ignore[attr-defined]
    assert asked == [None, "1", "2"]


def test_whoever_finds_nobody_is_told() -> None:
    with annuli.Client("http://127.0.0.1:1", patience=annuli.Patience(0)) as client:
        events = client.events()
        with pytest.raises(annuli.ConnectionFailed):
            next(events)
