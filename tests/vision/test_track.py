"""Ids that stay with their cards."""

from __future__ import annotations

import numpy as np
import pytest

from vision.detection import Detection
from vision.quad import Quad, turn
from vision.track import Track, Tracker, TrackSettings

FRAME_NS = 33_333_333
WIDTH = 120.0
START = 10_000_000_000


def card(x: float, y: float, angle: float = 0.0, width: float = WIDTH, tilt: float = 1.0) -> Quad:
    """A card centred at x, y, turned by `angle` degrees; `tilt` shortens its height."""
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [width / 2, width * 88 / 63 / 2 * tilt]
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return (half @ np.array([[cos, sin], [-sin, cos]]) + [x, y]).astype(np.float32)


def seen(*quads: Quad, score: float = 0.9) -> list[Detection]:
    return [Detection(quad, score) for quad in quads]


class Film:
    """A tracker and its clock."""

    def __init__(self, settings: TrackSettings | None = None, fps: float = 30.0) -> None:
        self.tracker = Tracker(settings)
        self.t_ns = START
        self.interval_ns = round(1e9 / fps)

    def stall(self, ms: float) -> None:
        """No frame for so long."""
        self.t_ns += round(ms * 1e6) - self.interval_ns

    def show(self, *quads: Quad) -> list[Track]:
        return self.frame(seen(*quads))

    def frame(self, detections: list[Detection] | None) -> list[Track]:
        self.t_ns += self.interval_ns
        return self.tracker.update(detections, self.t_ns)


def nearest(tracks: list[Track], quad: Quad) -> Track:
    return min(tracks, key=lambda track: float(np.linalg.norm(track.quad.mean(axis=0) - quad.mean(axis=0))))


@pytest.mark.parametrize("fps", [30.0, 15.0, 10.0])
def test_a_card_keeps_its_id_through_ten_missed_frames(fps: float) -> None:
    """A detector that drops a card for a third of a second, or a slow one for a whole, must not make it a new card."""
    film = Film(fps=fps)
    first = film.show(card(300, 300))[0].track_id
    for missed in range(1, 11):
        (track,) = film.show()
        assert (track.track_id, track.missed, track.predicted) == (first, missed, True)
    assert film.show(card(303, 298))[0].track_id == first


def test_the_eleventh_missed_frame_ends_a_track() -> None:
    """A track that outlives its card would swallow the next card at that place."""
    film = Film()
    first = film.show(card(300, 300))[0].track_id
    for _ in range(11):
        left = film.show()
    assert left == []
    assert film.show(card(300, 300))[0].track_id != first


def test_another_card_after_a_stall_is_another_track() -> None:
    """Missed frames cannot tell: none came while the cards were exchanged, and the old name would stand on the new."""
    film = Film()
    first = film.show(card(300, 300))[0].track_id
    film.stall(1501)
    (track,) = film.show(card(300, 300))
    assert track.track_id != first
    assert (track.hits, track.predicted) == (1, False)


def test_a_short_stall_changes_no_id() -> None:
    """A machine that was busy for a second has not lost its cards."""
    film = Film()
    first = film.show(card(300, 300))[0].track_id
    film.stall(1499)
    assert film.show(card(300, 300))[0].track_id == first


def test_only_what_was_not_seen_grows_old() -> None:
    """A card that lies there for minutes must keep its track, whatever becomes of its neighbour."""
    film = Film(TrackSettings(max_missed=100))
    first, second = (track.track_id for track in film.show(card(300, 300), card(600, 300)))
    for _ in range(100):
        tracks = film.show(card(300, 300))
    assert [track.track_id for track in tracks] == [first] != [second]


def test_a_detector_that_falls_silent_ends_its_tracks() -> None:
    """A network that hangs says nothing about any frame: outlines would stand over an empty table for ever."""
    film = Film()
    film.show(card(300, 300))
    for _ in range(45):
        assert len(film.frame(None)) == 1
    assert film.frame(None) == []


def test_a_frame_without_tensor_is_no_miss() -> None:
    """On-chip detection skips frames; counting them as misses would kill every track of a slow network."""
    film = Film()
    first = film.show(card(300, 300))[0].track_id
    for _ in range(40):
        (track,) = film.frame(None)
        assert (track.track_id, track.missed, track.predicted, track.hits) == (first, 0, True, 1)
    assert film.show(card(300, 300))[0].predicted is False


def test_frames_without_tensor_move_the_quad_along() -> None:
    """Every second frame of a 17 fps detector would show the outline where the card was."""
    film = Film()
    for step in range(12):
        film.show(card(200 + 20 * step, 300))
    (track,) = film.frame(None)
    assert track.quad.mean(axis=0) == pytest.approx([440, 300], abs=4)
    assert track.velocity[0] == pytest.approx(20 * 30, rel=0.1)


@pytest.mark.parametrize("hidden", [0, 4, 8])
@pytest.mark.parametrize("speed", [6.0, 15.0, 30.0])
def test_crossing_cards_keep_their_ids(speed: float, hidden: int) -> None:
    """Two hands that cross must not swap cards, even where one hides the other for `hidden` frames."""
    rng = np.random.default_rng(int(speed) + hidden)
    film, ids = Film(), {}
    frames = int(800 / speed)
    for step in range(frames):
        left = card(200 + speed * step, 300) + rng.normal(0, 1.0, (4, 2)).astype(np.float32)
        right = card(1000 - speed * step, 330) + rng.normal(0, 1.0, (4, 2)).astype(np.float32)
        behind = abs(step - frames // 2) < hidden / 2
        tracks = film.show(left) if behind else film.show(right, left)
        if step == 3:
            ids = {name: nearest(tracks, quad).track_id for name, quad in (("left", left), ("right", right))}
    assert nearest(tracks, left).track_id == ids["left"]
    assert nearest(tracks, right).track_id == ids["right"]
    assert len(tracks) == 2


def test_cards_that_pass_each_other_vertically_and_diagonally() -> None:
    """Overlap alone prefers the card that came to lie where the other one was."""
    film, ids = Film(), []
    for step in range(60):
        quads = [
            card(200 + 10 * step, 200 + 8 * step),
            card(800 - 10 * step, 200 + 8 * step),
            card(500, 900 - 9 * step),
        ]
        tracks = film.show(*quads)
        if step == 5:
            ids = [nearest(tracks, quad).track_id for quad in quads]
    assert [nearest(tracks, quad).track_id for quad in quads] == ids


def test_a_jump_of_nearly_a_card_width_is_followed() -> None:
    """A fast hand moves a card by its own width between two frames."""
    film = Film()
    first = film.show(card(300, 300))[0].track_id
    film.show(card(301, 300))
    assert [track.track_id for track in film.show(card(300 + 0.95 * WIDTH, 300))] == [first]


def test_a_jump_that_two_cards_may_have_made_is_not_guessed() -> None:
    """A new card between two vanished ones belongs to neither."""
    film = Film()
    old = {track.track_id for track in film.show(card(200, 300), card(200 + 1.95 * WIDTH, 300))}
    tracks = film.show(card(200 + 0.98 * WIDTH, 300))
    assert {track.track_id for track in tracks if not track.predicted}.isdisjoint(old)


def test_a_neighbour_does_not_take_over_a_card_that_left() -> None:
    """In a row of cards the removal of the first must not shift all ids by one."""
    film = Film()
    row = [card(200 + 1.1 * WIDTH * place, 300) for place in range(6)]
    before = film.show(*row)
    after = film.show(*row[1:])
    for quad in row[1:]:
        assert nearest(after, quad).track_id == nearest(before, quad).track_id
    assert nearest(after, row[0]).missed == 1


def test_a_card_that_is_laid_on_another_keeps_its_id() -> None:
    """Predicted too far as it slows down, it fits the covered card's place better: a pile's old name came back."""
    film = Film()
    (below,) = film.show(card(300, 300))
    for x in (520, 450, 400, 365):
        tracks = film.show(card(300, 300), card(x, 300 + (x - 300) / 4))
    (laid,) = (track.track_id for track in tracks if track.track_id != below.track_id)
    for x in (340, 326, 316, 308, 305, 305, 305):
        tracks = film.show(card(x, 300 + (x - 300) / 4))
        assert [track.track_id for track in tracks if not track.predicted] == [laid]


def test_duplicate_detections_are_one_track() -> None:
    """Two outlines of one card (card and sleeve) would count it twice."""
    film = Film()
    for _ in range(5):
        tracks = film.frame([*seen(card(300, 300, width=128), score=0.7), *seen(card(301, 299), score=0.9)])
    assert len(tracks) == 1
    assert tracks[0].score == 0.9


def test_two_cards_side_by_side_are_two_tracks() -> None:
    """Suppressing duplicates must not eat a second copy of a card."""
    film = Film()
    for _ in range(5):
        tracks = film.show(card(300, 300), card(300 + 1.02 * WIDTH, 300))
    assert len({track.track_id for track in tracks}) == 2


def test_corner_order_survives_a_full_turn() -> None:
    """A card turned by hand must not flip its reading when the detector starts at the other short end."""
    rng = np.random.default_rng(0)
    film = Film()
    for degrees in range(0, 361, 4):
        truth = card(400, 400, degrees)
        (track,) = film.show(turn(truth, int(rng.integers(2)) * 2) if degrees else truth)
        assert np.linalg.norm(track.quad - truth, axis=1).max() < 0.2 * WIDTH
    assert np.linalg.norm(track.quad - card(400, 400), axis=1).max() < 0.1 * WIDTH


def test_corner_order_survives_a_steep_tilt() -> None:
    """Tilted away by 60° a card looks wider than high: the detector's short end is a long one for a few frames."""
    film = Film()
    for tilt in [1.0, 0.85, 0.7, 0.55, 0.5, 0.55, 0.7, 0.85, 1.0]:
        truth = card(400, 400, tilt=tilt)
        sideways = tilt * 88 / 63 < 1.0
        (track,) = film.show(turn(truth, 1) if sideways else truth)
    assert np.linalg.norm(track.quad - card(400, 400), axis=1).max() < 0.1 * WIDTH


def test_a_card_first_seen_sideways_is_put_right() -> None:
    """A card that comes in steeply tilted starts with the wrong edge; it would be read sideways for ever."""
    film = Film()
    film.show(turn(card(400, 400, tilt=0.6), 1))
    for _ in range(10):
        (track,) = film.show(card(400, 400))
    error = min(np.linalg.norm(turn(track.quad, k) - card(400, 400), axis=1).max() for k in (0, 2))
    assert error < 0.05 * WIDTH


def test_a_still_card_does_not_jitter() -> None:
    """Outlines that dance on a card that lies still; 1 px of detector noise must come out smaller."""
    rng = np.random.default_rng(1)
    film, quads = Film(), []
    for _ in range(200):
        (track,) = film.show(card(400, 400) + rng.normal(0, 1.0, (4, 2)).astype(np.float32))
        quads.append(track.quad)
    assert np.std(np.array(quads[20:]), axis=0).mean() < 0.7


def test_a_moving_card_does_not_lag() -> None:
    """Smoothing that lags puts the outline, and the crop, behind the card."""
    film = Film()
    for step in range(30):
        truth = card(200 + 12 * step, 400 + 3 * step)
        (track,) = film.show(truth)
        if step > 6:
            assert np.linalg.norm(track.quad - truth, axis=1).max() < 0.02 * WIDTH


def test_a_sudden_move_is_followed_at_once() -> None:
    """A card that starts to move after a long rest must not be smoothed back to its place."""
    film = Film()
    for _ in range(30):
        film.show(card(400, 400))
    (track,) = film.show(card(430, 410))
    assert np.linalg.norm(track.quad - card(430, 410), axis=1).max() < 1.0


def test_what_changes_its_size_at_once_is_another_card() -> None:
    """A detection of the whole binder page at a card's centre must not blow the card's track up."""
    film = Film()
    first = film.show(card(400, 400))[0].track_id
    tracks = film.show(card(400, 400, width=2.5 * WIDTH))
    assert {track.track_id: track.missed for track in tracks}[first] == 1
    assert len(tracks) == 2


def test_time_that_runs_backwards_is_refused() -> None:
    """A seek would give negative velocities and send every prediction astray."""
    tracker = Tracker()
    tracker.update([], 2 * FRAME_NS)
    with pytest.raises(ValueError, match="start a new tracker"):
        tracker.update([], FRAME_NS)


def test_frames_of_the_same_time_are_accepted() -> None:
    """A folder of pictures may stamp all of them alike; dividing by the time between would fail."""
    tracker = Tracker()
    first = tracker.update(seen(card(300, 300)), 5)
    assert tracker.update(seen(card(310, 300)), 5)[0].track_id == first[0].track_id


def test_twenty_cards_keep_their_ids_while_the_table_shakes() -> None:
    """A full table: noise, drop-outs and a common motion of camera and cards at once."""
    rng = np.random.default_rng(3)
    film = Film()
    places = [(150 + 150 * (n % 5), 150 + 200 * (n // 5)) for n in range(20)]
    ids: dict[int, int] = {}
    for step in range(120):
        shift = 25 * np.sin(step / 4), 15 * np.cos(step / 5)
        quads = [card(x + shift[0], y + shift[1]) + rng.normal(0, 1, (4, 2)).astype(np.float32) for x, y in places]
        shown = [quad for quad in quads if step == 0 or rng.random() > 0.2]
        tracks = film.show(*[shown[n] for n in rng.permutation(len(shown))])
        for place, quad in enumerate(quads):
            track = nearest(tracks, quad)
            assert ids.setdefault(place, track.track_id) == track.track_id
    assert len(set(ids.values())) == 20
