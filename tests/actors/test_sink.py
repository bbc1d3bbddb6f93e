"""Sinks: what leaves the house is readable, whole, and says which sink was meant."""

import importlib.metadata
import io
import json
import sys
from pathlib import Path

import msgspec
import pytest
from samples import SAMPLES

from actors.config import Config, updated
from actors.sink import SinkActor
from actors.sinks import base
from actors.sinks.base import available, load
from actors.sinks.console import ConsoleSink
from actors.sinks.jsonl import JsonlSink
from bus.fake import FakeBus
from bus.messages import Results, Visit
from bus.topics import RESULTS

SAMPLE = SAMPLES["results"][1]
assert isinstance(SAMPLE, Results)
(CONFIRMED,) = SAMPLE.visits
UNKNOWN = Visit(4, "confirmed", 6, 1, 2, 2_000_000_000)


def results(frame: int, *visits: Visit, stream: str = "s1") -> Results:
    return Results(
        stream=stream,
        frame=frame,
        t_ns=1_000_000_000 + frame * 100_000_000,
        status="cards",
        tracks=[],
        visits=list(visits),
    )


def test_the_console_is_plain_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Colour codes in a log file, or a line broken at 80 columns, are of no use to grep."""
    sink = ConsoleSink(Config())
    sink.results(results(0))
    sink.results(results(1, CONFIRMED))
    sink.close()
    out = capsys.readouterr().out
    assert out == "    0.40 s  1     Pineco  Scarlet & Violet 1  sv1-1  distance 0.081 gap 0.420\n"


def test_the_console_shows_confirmed_visits_only(capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each card, not one for each frame, and none for a card that leaves."""
    sink = ConsoleSink(Config())
    ended = Visit(3, "ended", 5, 39, 42, 1_400_000_000, "sv1-1", "Pineco")
    sink.results(results(0, ended))
    sink.results(results(1))
    assert capsys.readouterr().out == ""


def test_the_console_tells_reprints(capsys: pytest.CaptureFixture[str]) -> None:
    """No look at the picture can tell them apart: the user must know that it may be another printing."""
    many = Visit(3, "confirmed", 5, 39, 42, 0, "sv1-1", "Pineco", "", "", 0.1, 0.2, ["sv1-1", "sv2-1", "sv3-1"])
    ConsoleSink(Config()).results(results(0, many))
    assert "sv1-1  or 2 more printings of the same picture" in capsys.readouterr().out


@pytest.mark.parametrize("visit", [UNKNOWN, Visit(4, "confirmed", 6, 1, 2, 0, "sv1-1")])
def test_the_console_survives_what_is_optional(visit: Visit, capsys: pytest.CaptureFixture[str]) -> None:
    """The specification lets name, set, number, distance and gap be null."""
    ConsoleSink(Config()).results(results(0, visit))
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_name_is_never_taken_for_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """Names come from other people's data: `[bold]` in one is a name."""
    odd = Visit(3, "confirmed", 5, 39, 42, 0, "sv1-1", "[red]Nidoran♀ :smile:", "", "", 0.1, 0.2)
    ConsoleSink(Config()).results(results(0, odd))
    assert "[red]Nidoran♀ :smile:" in capsys.readouterr().out


def jsonl(path: Path) -> JsonlSink:
    return JsonlSink(updated(Config(), "sinks", jsonl=str(path)))


def test_jsonl_writes_frames_and_visits(tmp_path: Path) -> None:
    """The lines that docs/events.md promises, times counted from the beginning of the stream."""
    sink = jsonl(tmp_path / "out.jsonl")
    sink.results(results(0))
    sink.results(results(2, UNKNOWN))
    sink.results(results(7, stream="s2"))
    sink.close()
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line.get("frame") for line in lines] == [0, 2, None, 7]
    assert [line["t_ms"] for line in lines if "frame" in line] == [0.0, 200.0, 0.0]
    assert lines[2]["visit"]["event"] == "confirmed"
    assert lines[2]["visit"]["t_ms"] == 1000.0


def test_jsonl_writes_no_frame_for_the_closing_message(tmp_path: Path) -> None:
    """It repeats the number of the last frame, for the visits that end with the stream."""
    sink = jsonl(tmp_path / "out.jsonl")
    sink.results(results(0))
    sink.results(msgspec.structs.replace(results(0, UNKNOWN), closing=True))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [next(iter(line)) for line in lines] == ["frame", "visit"]


def test_jsonl_lines_are_there_at_once_and_whole(tmp_path: Path) -> None:
    """Killed between two writes, the file must end with a whole line: each frame is one write, however long."""
    path = tmp_path / "out.jsonl"
    sink = jsonl(path)
    visits = [Visit(n, "confirmed", n, 1, 2, 0, f"sv1-{n}", "Name " * 200) for n in range(30)]
    sink.results(results(0, *visits))
    content = path.read_bytes()
    assert len(content) > 30_000
    assert content.endswith(b"\n")
    assert len(content.splitlines()) == 31
    assert isinstance(sink._file, io.RawIOBase), "a buffer would cut a long frame into several writes"
    sink.close()


def test_jsonl_goes_on_in_a_file_that_is_there(tmp_path: Path) -> None:
    """A restarted sink must not wipe out what the one before it wrote."""
    for _ in range(2):
        sink = jsonl(tmp_path / "out.jsonl")
        sink.results(results(0))
        sink.close()
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


def test_jsonl_keeps_names_readable(tmp_path: Path) -> None:
    """UTF-8, as docs/events.md says, whatever the locale."""
    sink = jsonl(tmp_path / "out.jsonl")
    sink.results(results(0, Visit(1, "confirmed", 1, 0, 0, 0, "x", "Flabébé")))
    assert "Flabébé" in (tmp_path / "out.jsonl").read_text(encoding="utf-8")


def test_jsonl_into_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """One line that names the key and the file."""
    with pytest.raises(ValueError, match=r"\[sinks\] jsonl = .*gone/out.jsonl: No such file.*folder that exists"):
        jsonl(tmp_path / "gone" / "out.jsonl")


def test_an_unknown_sink_names_the_nearest() -> None:
    """`consol` is a typing error, `kafka` a sink that is not installed: each gets the answer that helps."""
    with pytest.raises(ValueError, match=r"there is no sink 'consol': did you mean 'console'"):
        load("consol", Config())
    with pytest.raises(ValueError, match=r"there is no sink 'kafka': installed are collection, console, "):
        load("kafka", Config())


def test_sinks_of_other_packages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A third-party sink is a package with an entry point, and no line of ours changes for it."""
    entry = importlib.metadata.EntryPoint("mine", "actors.sinks.console:ConsoleSink", base.GROUP)
    monkeypatch.setattr(base, "entry_points", lambda group: [entry] if group == "sleevesight.sinks" else [])
    assert list(available()) == ["mine"]
    assert isinstance(load("mine", Config()), ConsoleSink)


def test_the_actor_feeds_its_sink(tmp_path: Path) -> None:
    """Every frame once, and the sink is closed at the end."""
    bus = FakeBus()
    actor = SinkActor(bus, updated(Config(), "sinks", jsonl=str(tmp_path / "out.jsonl")), "jsonl")
    assert (actor.name, actor.outputs) == ("sink.jsonl", ())
    actor.start()
    for frame in range(3):
        bus.feed(actor, RESULTS, results(frame))
    bus.feed(actor, RESULTS, msgspec.structs.replace(results(2), closing=True))
    actor.close()
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 3
    assert bus.counts["frames"] == 3


def test_an_unknown_sink_is_refused_at_the_start() -> None:
    """At work it would be started again and again."""
    with pytest.raises(ValueError, match="there is no sink"):
        SinkActor(FakeBus(), Config(), "nowhere").start()


def test_the_console_prints_where_its_process_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output, not standard error: `sleevesight up | tee cards.txt`."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    ConsoleSink(Config()).results(results(0, CONFIRMED))
    assert "Pineco" in out.getvalue()
