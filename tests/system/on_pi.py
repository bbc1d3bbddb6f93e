"""`sleevesight` on a Pi that is made up: `python on_pi.py boxes|corners|places COMMAND…`.

The real picamera2, over the stubs of `pi`, films a rendered table; the camera's answers are made from its truth or, for
`places`, are those of the network that ships for it, two frames late and with every second frame. Everything is put in
place in capture's own process, when it asks for the library.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "actors"))
LATE, EVERY, FPS = 2, 2, 10.0
INPUT = 640
CARDS = 12


def tensors(quads: list[np.ndarray], corners: bool) -> list[np.ndarray]:
    """What a network says of cards at these quads [4, 2], in shares of its picture."""
    import pi

    from vision.detector.boxed import box_of

    rows = [tuple(box_of(quad)[[0, 2]].ravel() * INPUT) for quad in quads]
    said = pi.boxes(*rows, of=20)
    if corners:
        keypoints = np.zeros((20, 8), np.float32)
        keypoints[: len(quads)] = np.reshape(quads, (-1, 8)) * INPUT
        said.append(keypoints)
    return said


def table() -> Any:
    """The rendered table."""
    from synth.cards import deck, draw
    from synth.scene import scenario

    return scenario("still", [(spec.id, draw(spec)) for spec in deck(CARDS)], 3, (2028, 1520))


def answers(kind: str) -> Any:
    """From a frame to the tensors of a network of this kind."""
    if kind == "places":
        from bench.chip import Chip

        chip = Chip()
        return lambda frame: chip.tensors(frame.image)
    from vision.sensor import centred

    view = centred(2028, 1520)
    return lambda frame: tensors([view.to_sensor(card.quad) for card in frame.truth], kind == "corners")


def film(kind: str) -> Any:
    """Rendered frames with the answers to the frames before them."""
    import pi

    scene, say = table(), answers(kind)

    def shot(number: int) -> Any:
        answer = None
        if number % EVERY == 0 and number >= LATE:
            answer = say(scene.frame((number - LATE) % scene.frames))
        run_ms = (LATE - 0.5) * 1000 / FPS
        return scene.frame(number % scene.frames).image, pi.metadata(answer, run_ms=run_ms)

    return shot


def main() -> int:
    kind = sys.argv[1]
    import actors.sources.imx500 as source

    real = source.library

    def library() -> Any:
        import pi

        pi.install()
        pi.CAMERA.film, pi.CAMERA.fps, pi.CAMERA.live = film(kind), FPS, True
        return real()

    source.library = library  # type: ignore[assignment]
    from cli.main import main as sleevesight

    return sleevesight(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
