"""The detector's networks: their losses, their training and their export."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
import pytest
import torch
from test_detector_pictures import quad_made, upright

from training.detector.export import FORMS, export, load
from training.detector.losses import close_up_losses, finder_losses
from training.detector.network import CardNet, CloseUpNet, Outputs
from training.detector.targets import targets
from training.detector.train import TASKS, examples, read_some, train
from training.quantise import quantise

PARTS = ("heat", "corners", "near", "shift")


def wanted(*quads: np.ndarray) -> dict[str, torch.Tensor]:
    batch = [targets(quad_made(quad)) for quad in quads]
    return {name: torch.from_numpy(np.stack([one[name] for one in batch])) for name in batch[0]}


def perfect(truth: dict[str, torch.Tensor]) -> Outputs:
    heat, near = (torch.where(truth[name] > 0.99, 12.0, -12.0) for name in ("heat", "near"))
    return Outputs(heat, truth["corners"].clone(), near, truth["shift"].clone())


@pytest.fixture(scope="module")
def truth() -> dict[str, torch.Tensor]:
    return wanted(upright(160, 150, 120), upright(60, 70, 30))


def test_a_perfect_answer_costs_nothing(truth: dict[str, torch.Tensor]) -> None:
    """A loss with a floor pulls the network away from the truth."""
    assert {name: float(part) for name, part in finder_losses(perfect(truth), truth).items()} == pytest.approx(
        dict.fromkeys(PARTS, 0.0), abs=1e-3
    )


@pytest.mark.parametrize("part", PARTS)
def test_every_part_sees_its_own_error_and_no_other(part: str, truth: dict[str, torch.Tensor]) -> None:
    """A part that is always 0, or that another one covers, teaches nothing and is not missed for hours."""
    answer = perfect(truth)
    wrong = answer._replace(**{part: getattr(answer, part) * (-1 if part in ("heat", "near") else 1.3) + 0.5})
    costs = finder_losses(wrong, truth)
    assert costs[part] > 0.02
    assert all(cost < 1e-3 for name, cost in costs.items() if name != part)


def test_a_card_read_upside_down_costs_nothing(truth: dict[str, torch.Tensor]) -> None:
    """Asked for the top of what it cannot read, the network would answer with the middle of both."""
    answer = perfect(truth)
    turned = torch.cat([answer.corners[:, 4:], answer.corners[:, :4]], dim=1)
    assert finder_losses(answer._replace(corners=turned), truth)["corners"] < 1e-4


def test_a_small_card_counts_as_much_as_a_large_one() -> None:
    """In pixels a large card's error would drown a small one's."""
    costs = []
    for quad in (upright(160, 150, 160), upright(160, 150, 40)):
        one = wanted(quad)
        costs.append(float(finder_losses(perfect(one)._replace(corners=one["corners"] * 1.2), one)["corners"]))
    assert costs[0] == pytest.approx(costs[1], rel=0.35)


def test_nothing_to_find_is_a_lesson_too() -> None:
    """A batch of empty tables must neither divide by zero nor teach nothing."""
    empty = {name: torch.from_numpy(value[None]) for name, value in targets(nothing()).items()}
    answer = Outputs(*(torch.zeros(1, channels, 40, 40) for channels in (1, 8, 1, 2)))
    costs = finder_losses(answer, empty)
    assert all(torch.isfinite(cost) for cost in costs.values())
    assert costs["heat"] > 1


def nothing():  # type: ignore[no-untyped-def]
    made = quad_made(upright(160, 150, 120))
    return type(made)(made.image, made.quads[:0], made.visible[:0], made.seen[:0], made.lures)


def test_every_weight_is_reached(truth: dict[str, torch.Tensor]) -> None:
    """A layer that no gradient reaches is dead weight."""
    torch.manual_seed(0)
    network = CardNet()
    image = torch.randint(0, 256, (2, 320, 320, 3), dtype=torch.uint8)
    torch.stack(list(finder_losses(network(image), truth).values())).sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_a_perfect_look_costs_nothing() -> None:
    """And what is no card has no corners to be right about."""
    truth = {"off": torch.tensor([[0.1] * 8, [0.0] * 8]), "card": torch.tensor([[1.0], [0.0]])}
    answer = torch.tensor([[0.1] * 8 + [12.0], [0.7] * 8 + [-12.0]])
    assert {name: float(cost) for name, cost in close_up_losses(answer, truth).items()} == pytest.approx(
        {"off": 0.0, "card": 0.0}, abs=1e-3
    )
    assert close_up_losses(-answer, truth)["card"] > 5
    assert close_up_losses(answer + 0.05, truth)["off"] > 0.5


def test_every_weight_of_the_second_is_reached() -> None:
    """A layer that no gradient reaches is dead weight."""
    torch.manual_seed(0)
    network = CloseUpNet()
    answer = network(torch.randint(0, 256, (4, 128, 96, 3), dtype=torch.uint8))
    wanted = {"off": torch.full((4, 8), 0.1), "card": torch.tensor([[1.0], [0.0], [1.0], [1.0]])}
    torch.stack(list(close_up_losses(answer, wanted).values())).sum().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()] == []


@pytest.mark.parametrize(("name", "stages"), [("finder", ((0.5, 64, 2), (1.0, 128, 2))), ("closeup", ((1.0, 128, 4),))])
def test_training_goes_on_where_it_stopped(
    name: str, stages: tuple[tuple[float, int, int], ...], tmp_path: Path
) -> None:
    """A run that is cut off is hours lost; a run that starts anew in silence is worse."""
    task = replace(TASKS[name], stages=stages, shuffled=1)
    train(task, tmp_path, [], [], steps=2, workers=0)
    saved = torch.load(tmp_path / "state.pt", weights_only=True)
    assert saved["step"] == 2
    train(task, tmp_path, [], [], steps=3, workers=0)
    again = torch.load(tmp_path / "state.pt", weights_only=True)
    assert again["step"] == 3
    assert any(not torch.equal(again["network"][key], value) for key, value in saved["network"].items())
    model, step = load(FORMS[name], tmp_path / "state.pt")
    assert step == 3
    assert not model.training


@pytest.mark.parametrize("name", FORMS)
def test_the_exported_file_is_the_network(name: str, tmp_path: Path) -> None:
    """The runtime must see with what was trained, for any size that it may ask for."""
    torch.manual_seed(0)
    form = FORMS[name]
    model = form.make().eval()
    export(form, model, tmp_path / "d.onnx")
    session = ort.InferenceSession(tmp_path / "d.onnx")
    shapes = ((1, 64, 64, 3), (1, 384, 320, 3)) if name == "finder" else ((0, 128, 96, 3), (9, 128, 96, 3))
    for shape in shapes:
        image = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
        with torch.no_grad():
            expected = model(torch.from_numpy(image)).numpy()
        found = session.run(None, {"image": image})[0]
        assert found.shape == expected.shape
        assert np.allclose(found, expected, atol=1e-3)
    assert [path.name for path in tmp_path.iterdir()] == ["d.onnx"]


def test_a_state_of_something_else_is_refused(tmp_path: Path) -> None:
    """A checkpoint of another network would load in part, or fail with a page of names."""
    torch.save({"average": {"weight": torch.zeros(1)}, "step": 1}, tmp_path / "state.pt")
    for path in (tmp_path / "state.pt", tmp_path / "missing.pt"):
        with pytest.raises(ValueError, match="is no state of this network"):
            load(FORMS["finder"], path)


def test_pictures_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    """One broken download among a thousand must not end the run."""
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "good.jpg"), np.zeros((30, 30, 3), np.uint8))
    assert len(read_some(sorted(tmp_path.iterdir()), np.random.default_rng(0))) == 1


def test_eight_bits_find_what_the_full_network_finds(tmp_path: Path) -> None:
    """The finder has two open axes and several outputs in one tensor: a part that is left unscaled is off by far."""
    torch.manual_seed(0)
    form = FORMS["finder"]
    model = form.make().eval()
    full, small = tmp_path / "full.onnx", tmp_path / "small.onnx"
    export(form, model, full)
    pictures = [one["image"][None] for one in examples(TASKS["finder"], [], [], 6)]
    quantise(full, pictures, small)
    assert small.stat().st_size < 0.4 * full.stat().st_size
    sessions = [ort.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"]) for file in (full, small)]
    for side in (384, 320):
        one, other = (session.run(None, {"image": pictures[0][:, :side, :side]})[0] for session in sessions)
        assert one.shape == other.shape
        for channel in range(one.shape[1]):
            assert np.abs(one[0, channel] - other[0, channel]).mean() < 0.2 * np.abs(one[0, channel]).mean() + 0.05
