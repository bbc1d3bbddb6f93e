"""A sync against a server that fails in every way that is known."""

import csv

import pytest
from public import cards_of, cut, encoded, instead, never, status, tag
from sync_desk import reasons

FINAL = {
    "404": (status(404), "HTTP 404 Not Found"),
    "HTML": (instead(b"<!DOCTYPE html><html>soon</html>"), "an HTML page instead of a picture"),
    "ZIP": (instead(b"PK\x03\x04zipped"), "a ZIP archive instead"),
    "JSON": (instead(b'{"error": 1}'), "JSON instead"),
    "nothing": (instead(b""), "nothing instead"),
    "elsewhere": (status(302, Location="https://elsewhere.example/a.png"), "elsewhere.example/a.png, which is not"),
    "a short length": (instead(b"\x89PNG\r\n\x1a\n" + bytes(900)), "cut off"),
}


@pytest.mark.parametrize("what", FINAL)
def test_what_does_not_pass_is_listed_at_once_and_the_rest_is_built(desk, public, paths, what):
    """Prevents a run that ends, or hammers the server, for one picture; the next run gets it."""
    fault, reason = FINAL[what]
    public.faults[paths[0]] = [fault]
    report = desk()
    assert reason in reasons(report)["a-1"]
    assert public.counted()[paths[0]] == 1
    assert "a-1" not in desk.catalogue.ids
    lines = list(csv.DictReader((desk.root / "left-out.csv").open()))
    assert lines[0] | {"reason": ""} == {
        "set": "a",
        "id": "a-1",
        "name": public.sets["a"][0]["name"],
        "reason": "",
        "url": f"{public.root}{paths[0]}",
    }
    assert desk().missing == ()
    assert len(desk.catalogue.ids) == 5


def test_a_redirect_is_followed_within_the_source_and_not_for_ever(desk, public, paths):
    """Prevents that a picture that moved is lost, and a run that circles."""
    public.faults[paths[0]] = [status(302, Location=paths[1])]
    public.faults[paths[2]] = [status(302, Location=paths[2])] * 9
    assert reasons(desk(["a"])) == {"a-3": "it is redirected again and again"}
    assert public.counted()[paths[2]] == 4


PASSING = {
    "500 then fine": ([status(500)], [2.0]),
    "503 twice": ([status(503), status(503)], [2.0, 4.0]),
    "429 in seconds": ([status(429, Retry_After="17")], [17.0]),
    "429 with a date": ([status(429, Retry_After="Sun, 01 Mar 2026 12:00:40 GMT")], [40.0]),
    "429 with nonsense": ([status(429, Retry_After="soon")], [2.0]),
    "cut": ([cut(100)], [2.0]),
    "a long length": ([cut(10**9, more=100)], [2.0]),
}


@pytest.mark.parametrize("what", PASSING)
def test_what_passes_is_tried_again_after_a_pause(desk, public, specs, what):
    """Prevents gaps after a server's bad moment, and a server that is asked again too soon."""
    (path,) = public.add_set("a", specs[:1])
    faults, pauses = PASSING[what]
    public.faults[path] = list(faults)
    report = desk()
    assert (report.missing, public.counted()[path]) == ((), len(faults) + 1)
    assert [round(one) for one in desk.clock.slept if one > 1.99][-len(pauses) :] == pauses


def test_a_cut_picture_goes_on_where_it_was_cut(desk, public, specs):
    """Prevents that a bad line fetches the same half of a picture for ever."""
    body = encoded(specs[0])
    (path,) = public.add_set("a", specs[:1], [body])
    public.faults[path] = [cut(1000, ETag=tag(body))]
    assert desk().missing == ()
    first, second = (one.headers for one in public.asked if one.path == path)
    assert "Range" not in first
    assert (second["Range"], second["If-Range"]) == ("bytes=1000-", tag(body))


def test_a_picture_that_changed_while_it_was_cut_starts_anew(desk, public, specs):
    """Prevents a picture made of two halves: its tag is no longer the one that is there."""
    (path,) = public.add_set("a", specs[:1])
    public.faults[path] = [cut(1000, ETag='"older"')]
    assert desk().missing == ()
    assert (desk.root / "pictures/a/a-1.png").read_bytes() == public.files[path]


def test_a_body_that_does_not_come_is_given_up(desk, public, specs):
    """Prevents a sync that hangs over night."""
    slow, fine = public.add_set("a", specs[:2])
    public.faults[slow] = [never(public.released)] * 5
    report = desk(deadline_s=0.2)
    assert reasons(report) == {"a-1": "no answer in time (5 attempts)"}
    assert public.counted()[fine] >= 1


def test_a_host_that_asks_for_hours_is_left_alone(desk, public, specs):
    """Prevents that a used-up quota of the day becomes 20,000 refused requests."""
    paths = public.add_set("a", cards_of(20, 3))
    for path in paths:
        public.faults[path] = [status(429, Retry_After="7200")] * 9
    report = desk()
    assert len(report.missing) == 20
    assert "left alone for 120 minutes" in report.missing[-1].reason
    assert sum(public.counted().values()) <= 4
    assert report.built is None


def test_a_host_that_is_down_is_given_up_after_a_few(desk, public, specs):
    """Prevents a week of attempts: five for each of 20,000 pictures."""
    paths = public.add_set("a", cards_of(20, 3))
    for path in paths:
        public.faults[path] = [status(502)] * 99
    report = desk()
    assert len(report.missing) == 20
    assert "downloads in a row failed" in report.missing[-1].reason
    assert sum(public.counted().values()) <= 9 * 5


SHAPES = {
    "no JSON": b"<html>maintenance</html>",
    "a list": b"[]",
    "data of another kind": b'{"data": {"id": "a"}}',
    "a card without a name": b'{"data": [{"id": "a-1"}], "page": 1, "pageSize": 250, "totalCount": 1}',
}


@pytest.mark.parametrize("what", SHAPES)
def test_another_shape_is_named_and_the_cards_of_before_stay(desk, public, paths, what):
    """Prevents a traceback, or a catalogue without names, when a source changes; and that its junk is remembered."""
    desk()
    public.sets["a"][0]["name"] = "Renamed"
    public.faults["/v2/cards"] = [instead(SHAPES[what], ETag='"junk"')]
    report = desk()
    assert "of pokemontcg.io expected" in reasons(report)["a"]
    assert (len(desk.catalogue.ids), desk.catalogue.cards["a-1"].name != "Renamed") == (5, True)
    assert desk().missing == ()
    assert desk.catalogue.cards["a-1"].name == "Renamed"


def test_a_source_without_its_list_still_serves_the_sets_that_are_known(desk, public, paths):
    """Prevents that one failing address stops the pictures that are still to come."""
    public.faults[paths[0]] = [status(404)]
    desk()
    public.faults["/v2/sets"] = [status(500)] * 5
    report = desk()
    assert reasons(report) == {"sets": "HTTP 500 Internal Server Error (5 attempts)"}
    assert len(desk.catalogue.ids) == 5


def test_nothing_at_all_builds_nothing_and_says_so(desk, public):
    """Prevents a traceback at the first run without a network."""
    public.faults["/v2/sets"] = [status(500)] * 5
    report = desk()
    assert (list(reasons(report)), report.built) == (["sets"], None)
