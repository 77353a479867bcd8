"""Several films at once: one is shown, none is lost without a word, and each can be opened."""

from __future__ import annotations

from bmd.app import dropped, session, work
from bmd.app.markup import plain
from bmd.text import text
from tests.app.reading import shown


def drop(at, *files):
    field = at.file_uploader(key="film_upload")
    for name, data in files:
        field.upload(name, data, "image/png")
    return field.run()


def test_the_first_is_shown_and_the_second_opens_with_a_button(app, fakes):
    at = drop(app(), ("a.png", fakes.png()), ("b.png", fakes.png()))
    assert at.session_state["film"].name == "a.png"
    assert at.session_state["film"].report is not None
    at.button(key="dropped_film_2").click().run()
    assert at.session_state["film"].name == "b.png"
    assert at.query_params["case"] == "own-2"
    at.button(key="dropped_film_1").click().run()
    assert at.session_state["film"].name == "a.png"


def test_what_cannot_be_read_is_named_with_its_reason(app, fakes):
    at = drop(app(), ("note.txt", b"only text"), ("a.png", fakes.png()))
    assert at.session_state["film"].name == "a.png"
    words = shown(at)
    assert text("app.dropped.left", count=1) in words
    assert "note.txt" in words


def test_more_than_are_read_at_once_are_named(app, fakes, monkeypatch):
    monkeypatch.setattr(dropped, "MOST_FILES", 2)
    at = drop(app(), *((f"{i}.png", fakes.png()) for i in range(3)))
    assert [one.name for one in at.session_state["aside"]["film"]] == ["1.png"]
    assert "2.png" in shown(at)


def test_one_reason_for_many_files_is_one_line(app, fakes, monkeypatch):
    monkeypatch.setattr(dropped, "MOST_FILES", 1)
    words = shown(drop(app(), *((f"{i}.png", fakes.png()) for i in range(6))))
    names, why = tuple(f"{i}.png" for i in (1, 2, 3)), text("app.dropped.too_many", most=1)
    assert text("app.dropped.left_more", names=names, count=2, why=plain(why)) in words
    assert "4.png" not in words


def test_what_finds_no_room_is_named(app, fakes, monkeypatch):
    monkeypatch.setattr(session, "MOST_ASIDE_MB", 3)
    at = drop(app(), *((f"{i}.png", fakes.png()) for i in range(3)))
    assert [one.name for one in at.session_state["aside"]["film"]] == ["1.png"]
    assert plain(text("app.dropped.no_room", mb=3)) in shown(at)


def test_a_film_dropped_while_one_is_held_leaves_that_one_waiting(app, fakes):
    at = drop(app(), ("a.png", fakes.png()))
    del at.query_params["case"]  # Back to the picker
    at.run()
    drop(at, ("b.png", fakes.png()))
    assert at.session_state["film"].name == "b.png"
    assert at.button(key="dropped_film_1")


def test_what_waits_is_told_and_purged(app, fakes, monkeypatch):
    monkeypatch.setattr(work, "read", lambda name, data: fakes.study(len(name)))
    at = drop(app(), ("a.png", fakes.png()), ("b.png", fakes.png()))
    at.switch_page("pages/about.py").run()
    assert shown(at).count("one film") == 2
    at.button(key="purge").click().run()
    assert "aside" not in at.session_state
    assert text("app.about.held_nothing") in shown(at)


def test_a_long_name_keeps_both_ends():
    assert dropped.short("a" * 40 + "end.dcm").endswith("end.dcm")
    assert len(dropped.short("a" * 400)) <= dropped.LONGEST_NAME
    assert dropped.short("a.dcm") == "a.dcm"


def test_volumes_are_not_set_aside(fakes_ct):
    assert not session.set_aside(session.Held("ct", fakes_ct.study(), "ct"))
