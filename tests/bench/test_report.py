"""The report: what is measured reaches its budget, what is invalid says so, and files are whole or not there."""

import re
from pathlib import Path

import msgspec
import pytest
from bench_fakes import SCORE, beat, probe, reported

from actors.config import Config, updated
from bench.budgets import Profile, Row, profile
from bench.measure import measure, timeless, title
from bench.page import page
from bench.report import Report, encode, read
from bench.standard import sources, together
from bench.table import line, show, sum_line, verdict
from bus.messages import Results, Visit
from catalog.whole import write_whole
from synth.scene import SCENARIOS

DOCS = Path(__file__).parents[2] / "docs"


def row(found: Report, table: str, name: str) -> Row:
    return next(one for one in found.budgets if (one.table, one.row) == (table, name))


def test_every_figure_reaches_its_row() -> None:
    """A budget that looks at the wrong number, or at none, is always kept."""
    found = reported(differing=0)
    assert row(found, "cached", "total").measured == 6.0
    assert row(found, "new_card", "embed").measured == 14.0
    assert row(found, "batch_of_five", "embed").measured == 14.0
    assert row(found, "memory_mb", "capture").measured == 95.5
    assert row(found, "memory_mb", "sinks").measured == 14.0
    assert row(found, "memory_mb", "launcher").measured == 21.0  # alone it holds what all of them share later
    assert row(found, "memory_mb", "together").measured == 130.5
    assert row(found, "seconds", "ready").measured == 0.7
    assert row(found, "seconds", "recovery").verdict == "not measured"
    assert [row(found, "at_most", name).measured for name in ("unaccounted", "disordered", "wrong", "differing")] == [
        0
    ] * 4
    assert row(found, "at_least", "saved").measured == 10.0
    assert found.good
    assert verdict(found) == "25 budgets kept, 5 not judged"


def test_a_broken_budget_is_named() -> None:
    """`failed` alone sends people looking."""
    found = reported(probe(scale=4.0), score=msgspec.structs.replace(SCORE, flicker=2))
    names = {f"{one.table}.{one.row}" for one in found.broken}
    assert {"cached.total", "new_card.total", "new_card.embed", "at_most.flicker"} <= names
    assert not found.good
    assert "cached.total" in verdict(found)


def test_a_source_that_is_late_makes_a_paced_run_invalid() -> None:
    """A stream at half its speed is another, easier stream; the other modes have no pace to lose."""
    late = probe(slowed=2)
    late.last[1].drops["source_late"] = 3
    found = reported(late)
    assert found.invalid == [
        "the source was too late for 3 frames",
        "the source is slower than its own pace: time was held up 2x",
    ]
    assert not found.good
    assert verdict(found).startswith("INVALID: the source was too late for 3 frames; ")
    assert reported(late, mode="lockstep").invalid == []


def test_a_stream_that_was_cut_short_is_not_good() -> None:
    """Ctrl-C after the easy part must not pass."""
    found = reported(complete=False)
    assert not found.good
    assert verdict(found) == "the stream did not come to its end"


def test_a_rendered_stream_is_not_judged_by_its_memory() -> None:
    """The renderer and its cards live in capture; the others hold what they hold."""
    found = reported(stream="scene:demo")
    verdicts = {name: row(found, "memory_mb", name).verdict for name in ("capture", "together", "sinks")}
    assert verdicts == {"capture": "not judged", "together": "not judged", "sinks": "kept"}


def test_recovery_reaches_its_row() -> None:
    """The slowest of all counts."""
    watched = probe(40, 8, 1.0, beat("matcher", "b", 2.5, 4.0))
    watched._deaths = [("matcher", 2_000_000_000)]
    found = reported(watched)
    assert found.processes["matcher"].recovery_s == [4.5]
    assert row(found, "seconds", "recovery").verdict == "broken"


def test_a_report_comes_back_from_its_file(tmp_path: Path) -> None:
    """What is compared in a year is what was measured today."""
    found = reported()
    write_whole(tmp_path / "a.json", encode(found))
    assert read(tmp_path / "a.json") == found
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"bench": 1}', b"\xff\xfe"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """Also one that is JSON."""
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json is no report"):
        read(tmp_path / "a.json")


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    """Half a report looks like a report; the error names the file that was asked for."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken") as error:
        write_whole(tmp_path / "taken", b"x")
    assert error.value.filename == str(tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_the_documentation_names_every_key() -> None:
    """docs/bench.md is what other people's programs are written by."""
    text = (DOCS / "bench.md").read_text()
    missing = [key for key in msgspec.to_builtins(reported()) if f"`{key}`" not in text]
    assert missing == []


def test_the_report_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe: every figure with its losses, the budgets with their verdicts, the verdict last; no colours."""
    show(reported(score=msgspec.structs.replace(SCORE, wrong=1, mistakes=["frame 5: confirmed b-2 where a-1 lies"])))
    out = capsys.readouterr().out
    assert (
        "40 frames, 40 answered; lost: none; unaccounted: 0; embeddings: 8 for 80 cards in frames, saved 10.0x" in out
    )
    assert re.search(r"^total +6\.0 +6\.0 +6\.0 +6\.0 +35$", out, re.MULTILINE)
    assert re.search(r"^capture +95\.5 +", out, re.MULTILINE)
    assert re.search(r"^at_most\.wrong +0 +1  broken$", out, re.MULTILINE)
    assert "frame 5: confirmed b-2 where a-1 lies" in out
    assert "\x1b" not in out
    assert out.splitlines()[-1] == "video:a.mp4, paced, laptop-onnx: 1 budget broken: at_most.wrong"


def test_a_report_on_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tables, drawn by rich."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show(reported())
    out = capsys.readouterr().out
    assert "frames from the cache" in out
    assert "memory_mb.together" in out


def test_a_line_for_each_standard_stream() -> None:
    """Names, losses, both latencies, the truth and the verdict: what a release is judged by at a glance."""
    text = line(reported(stream="scene:demo"))
    for part in ("scene:demo", "40/40", "p95    6.0    23.0 ms", "saved    10", "2/2 right, 0 wrong, 0 flicker"):
        assert part in text
    assert "–" in line(reported(score=None))


def test_the_standard_streams(tmp_path: Path) -> None:
    """All scenes, and the real videos only where they are."""
    scenes = [f"scene:{name}" for name in SCENARIOS]
    assert sources(tmp_path / "none") == scenes
    (tmp_path / "b.mp4").touch()
    (tmp_path / "labels.csv").touch()
    assert sources(tmp_path) == [*scenes, f"video:{tmp_path / 'b.mp4'}"]


def test_embeddings_are_saved_over_all_standard_streams() -> None:
    """A stream of nothing but new cards must not break the budget, nor one that lies still keep it for all."""
    found = [reported(), reported(probe(every=20))]
    saved = together(found, profile("ci"))
    assert saved is not None
    assert (saved.measured, saved.verdict) == (10.0, "kept")
    assert "over all of them: 10x (at least 6): kept" in sum_line(found, saved)
    assert together([], profile("ci")).verdict == "not measured"  # type: ignore[union-attr]
    none = together(found, Profile("mine", (), {}))
    assert none is None
    assert sum_line(found, none) == "2 of 2 streams kept their budgets"


@pytest.mark.parametrize(
    "found", [reported(), reported(score=None, mode="lockstep"), reported(probe(frames=1, every=1))]
)
def test_the_page_needs_nothing_else(found: Report) -> None:
    """A report that is opened on a train has no network."""
    text = page(found)
    assert not re.search(r"(?:src|href)\s*=|@import|url\(|https?://(?!www\.w3\.org)", text)
    assert text.count("<svg") == text.count("</svg>") >= 3
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert "NaN" not in text and "nan%" not in text
    for one in found.budgets:
        assert f"{one.table}.<wbr>{one.row}" in text


def test_a_page_without_a_single_answer_or_sample() -> None:
    """macOS has no PSS, and an interrupted run no frames: a page all the same."""
    watched = probe(frames=0)
    watched.samples = []
    assert "where a frame" in page(reported(watched, complete=False))


def test_names_are_escaped() -> None:
    """A file may be called anything."""
    text = page(reported(stream="video:<b>&.mp4"))
    assert "<b>" not in text
    assert "video:&lt;b&gt;&amp;.mp4" in text


def test_lost_frames_are_drawn_where_they_are_missing() -> None:
    """Latencies without their losses are half the truth."""
    watched = probe()
    del watched.results[10:13]
    assert page(reported(watched)).count("lost at") == 3


def test_answers_without_their_times_are_the_same_twice() -> None:
    """Lockstep is judged by these bytes: times and sessions are all that may differ."""

    def run(session: str, t_ns: int, card: str = "a-1") -> list[Results]:
        visit = Visit(1, "confirmed", 1, 0, 3, t_ns, card)
        return [
            Results(
                session=session,
                stream=session,
                life=session,
                seq=1,
                frame=3,
                t_ns=t_ns,
                status="cards",
                tracks=[],
                visits=[visit],
            )
        ]

    assert timeless(run("one", 5)) == timeless(run("two", 99))
    assert timeless(run("one", 5)) != timeless(run("one", 5, "b-2"))


def test_only_lockstep_can_be_repeated() -> None:
    """Two paced runs differ by the machine's mood; that would be blamed on the code."""
    with pytest.raises(ValueError, match="in paced two runs differ by their timing: repeat in lockstep"):
        measure(Config(), profile("ci"), repeat=2)


@pytest.mark.parametrize(
    ("source", "name"), [("scene:", "scene:demo"), ("scene:still", "scene:still"), ("video:/a/b/c.mp4", "video:c.mp4")]
)
def test_a_stream_is_called_alike_everywhere(source: str, name: str) -> None:
    """Reports of one file from two machines are to be compared."""
    assert title(updated(Config(), "capture", source=source)) == name
