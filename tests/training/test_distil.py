"""Teacher and student: every term teaches and is still when there is nothing to teach, and the whole plan runs."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from training.config import ConfigError, load
from training.distil.losses import Weights, detail, distillation, divergence, feature, look
from training.distil.seen import Seen
from training.distil.student import Plain, Student
from training.distil.teacher import Backbone, Teacher
from training.distil.teachers import shape_of, trained_teacher
from training.distil.train_student import StudentConfig
from training.distil.train_teacher import TeacherConfig
from training.recipes import CONFIGS, run, trained
from training.run import RunError

TERMS = ("feature", "classes", "attention", "detail")
SMALL = Backbone(hidden=32, layers=3, heads=2)


def seen(seed: int, count: int = 6, dim: int = 16) -> Seen:
    draws = torch.Generator().manual_seed(seed)
    embedding = functional.normalize(torch.randn(count, dim, generator=draws), dim=1)
    attention = torch.rand(count, 4, 4, generator=draws)
    return Seen(embedding, attention / attention.sum(dim=(1, 2), keepdim=True))


@pytest.fixture
def proxies() -> torch.Tensor:
    return functional.normalize(torch.randn(21, 16, generator=torch.Generator().manual_seed(9)), dim=1)


def test_a_student_that_is_its_teacher_has_nothing_to_learn(proxies: torch.Tensor) -> None:
    """A term with a floor pulls the student away from the teacher."""
    terms = distillation(seen(1), seen(1), proxies, Weights())
    assert set(terms) == set(TERMS)
    assert all(abs(float(term)) < 1e-5 for term in terms.values())


@pytest.mark.parametrize("name", TERMS)
def test_every_term_sees_a_difference_and_sends_a_gradient(name: str, proxies: torch.Tensor) -> None:
    """An attention loss that silently was 0 has happened to others."""
    other = seen(2)
    student = Seen(other.embedding.requires_grad_(), other.attention.requires_grad_())
    term = distillation(student, seen(1), proxies, Weights())[name]
    assert term > 1e-3
    term.backward()  # type: ignore[no-untyped-call]
    learning = student.attention if name == "attention" else student.embedding
    assert learning.grad is not None
    assert learning.grad.abs().sum() > 0


@pytest.mark.parametrize("name", TERMS)
def test_a_weight_is_its_own_terms(name: str, proxies: torch.Tensor) -> None:
    """Weights in the wrong order would train another plan than the file says."""
    plain = distillation(seen(2), seen(1), proxies, Weights())
    without = distillation(seen(2), seen(1), proxies, Weights(**{name: 0.0}))  # type: ignore[arg-type]
    assert {term for term in TERMS if plain[term] != without[term]} == {name}


def test_the_divergence_is_the_textbooks() -> None:
    """Sum of p (log p - log q) of softened logits, times the temperature squared; not its mirror image."""
    student, teacher = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[3.0, 1.0, 0.0]])
    p, q = (functional.softmax(one / 4, dim=1) for one in (teacher, student))
    assert float(divergence(student, teacher, 4.0)) == pytest.approx(float(16 * (p * (p / q).log()).sum()), rel=1e-4)


def test_detail_sees_what_neighbours_differ_by_and_not_what_they_share() -> None:
    """A Haar wavelet's detail band: the sum of a pair is not in it; an odd class at the end has no pair."""
    logits = torch.randn(3, 9, generator=torch.Generator().manual_seed(0))
    shared = logits.clone()
    shared[:, 0:2] += 5.0
    shared[:, 8] += 7.0
    assert float(detail(shared, logits, 1.0)) == pytest.approx(0.0, abs=1e-9)
    shared[:, 0] += 1.0
    assert detail(shared, logits, 1.0) > 0.01


def test_looking_is_compared_on_the_students_grid() -> None:
    """Teacher and student have maps of different sizes."""
    teacher = torch.zeros(2, 8, 8)
    teacher[:, :4, :4] = 1 / 16
    student = torch.full((2, 4, 4), 1e-9)
    student[:, :2, :2] = 1 / 4
    assert look(student, teacher) < 0.1
    assert look(student.flip(1), teacher) > 2


def test_features_are_compared_by_direction() -> None:
    """Unit vectors: 0 for the same, 2 for the opposite."""
    one = seen(1).embedding
    assert float(feature(one, one)) == pytest.approx(0, abs=1e-6)
    assert float(feature(-one, one)) == pytest.approx(2, abs=1e-5)


def test_a_teacher_says_what_it_sees_and_where_it_looks() -> None:
    """Register and class tokens are no patches: counted in, the map would be shifted."""
    teacher = Teacher(SMALL, dim=24).eval()
    out = teacher(torch.rand(2, 3, 64, 48))
    assert out.embedding.shape == (2, 24)
    assert torch.allclose(out.embedding.norm(dim=1), torch.ones(2), atol=1e-5)
    assert out.attention.shape == (2, 4, 3)
    assert torch.allclose(out.attention.sum(dim=(1, 2)), torch.ones(2), atol=1e-5)


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_only_the_last_blocks_learn(blocks: int) -> None:
    """A large transformer that is let loose at once forgets what it was taken for."""
    teacher = Teacher(SMALL, dim=24)
    teacher.train_last(blocks)
    layers = teacher._layers
    learning = [any(one.requires_grad for one in layer.parameters()) for layer in layers]
    assert learning == [False] * (3 - blocks) + [True] * blocks
    assert all(one.requires_grad for one in teacher.projection.parameters())
    assert not any(one.requires_grad for one in teacher.backbone.embeddings.parameters())


def test_more_blocks_than_there_are_are_refused() -> None:
    """Silently training all of them would be another plan."""
    with pytest.raises(ConfigError, match="trained_blocks is 4, and the backbone has 3"):
        Teacher(SMALL).train_last(4)


def test_missing_weights_are_named_with_where_they_come_from(tmp_path: Path) -> None:
    """They are gated: nobody can download them without an account."""
    with pytest.raises(ConfigError, match=r"backbone\.weights: .*nowhere holds no config.json.*dinov3-vitl16"):
        Teacher(Backbone(weights=tmp_path / "nowhere"))


def test_weights_are_read_from_a_folder(tmp_path: Path) -> None:
    """The real library's own format: what it saves is what we load, with attention that can be looked at."""
    teacher = Teacher(SMALL, dim=24).eval()
    teacher.backbone.save_pretrained(tmp_path)
    again = Teacher(Backbone(weights=tmp_path), dim=24).eval()
    again.projection.load_state_dict(teacher.projection.state_dict())
    images = torch.rand(2, 3, 32, 32)
    for one, other in zip(teacher(images), again(images), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("backbone", ["resnet10t", "convnext_atto", "mobilenetv4_conv_small_050"])
def test_any_timm_network_with_a_feature_map_is_a_student(backbone: str) -> None:
    """The accelerator decides which network it can run, not we."""
    student = Student(backbone, dim=24, grid=(4, 3)).eval()
    images = torch.rand(2, 3, 64, 48)
    out = student(images)
    assert out.embedding.shape == (2, 24)
    assert out.attention.shape == (2, 4, 3)
    assert torch.allclose(functional.normalize(Plain(student)(images), dim=1), out.embedding, atol=1e-5)


def test_a_backbone_that_does_not_exist_is_named() -> None:
    """A typing error in a file of settings."""
    with pytest.raises(ConfigError, match=r"student\.backbone: timm has no 'convnext_tinny'"):
        Student("convnext_tinny")


@pytest.mark.parametrize("name", ["student", "student_other_weights"])
def test_the_plans_weights_add_up_to_one(name: str) -> None:
    """Both weightings are files beside each other."""
    weights = load(CONFIGS / f"{name}.toml", StudentConfig).weights
    assert weights.feature + weights.classes + weights.attention + weights.detail == pytest.approx(1.0)
    assert weights.temperature == 4.0


def test_the_plans_stages_are_in_its_files() -> None:
    """3 epochs frozen and 10 with four blocks; 30 of distillation and 20 with the classes at 0.3."""
    teacher, student = load(CONFIGS / "teacher.toml", TeacherConfig), load(CONFIGS / "student.toml", StudentConfig)
    assert [(s.epochs, s.rate, s.trained_blocks) for s in teacher.stages] == [(3, 1e-3, 0), (10, 1e-5, 4)]
    assert (teacher.scale, teacher.margin, teacher.dim) == (64, 0.5, 768)
    assert [(s.epochs, s.rate, s.classification) for s in student.stages] == [(30, 1e-3, 0.0), (20, 1e-5, 0.3)]


def test_the_whole_plan_runs(tmp_path: Path) -> None:
    """Teacher, student, both stages of each, on generated cards; then what is exported is the student that was kept."""
    run("teacher", CONFIGS / "tiny_teacher.toml", [f"out={tmp_path / 'teacher'}"])
    overrides = [f"out={tmp_path / 'student'}", f"teacher={tmp_path / 'teacher'}"]
    with pytest.raises(ConfigError, match="holds no run"):
        run("student", CONFIGS / "tiny_student.toml", [overrides[0], f"teacher={tmp_path / 'nobody'}"])
    run("student", CONFIGS / "tiny_student.toml", overrides)
    name, settings, network, size = trained(tmp_path / "student")
    assert (name, size) == ("student", (64, 64))
    assert isinstance(settings, StudentConfig)
    assert network(torch.rand(2, 3, 64, 64)).shape == (2, 32)
    with pytest.raises(ConfigError, match="not for export"):
        trained(tmp_path / "teacher")
    (tmp_path / "student" / "stage2" / "best.pt").unlink()
    with pytest.raises(RunError, match="validate at least once"):
        trained(tmp_path / "student")


def test_a_network_of_the_metric_recipe_teaches_too(tmp_path: Path) -> None:
    """Where DINOv3's weights may not be had, the best network there is knows no classes, and has no attention."""
    small = ["network.height=32", "network.width=32", "network.widths=[8, 16]", "network.depths=[1, 1]"]
    small += ["network.dim=24", "data.generated=80", "validate_cards=10", "plan.steps=4"]
    run("metric", CONFIGS / "small_metric.toml", [f"out={tmp_path / 'teacher'}", "validate_every=4", *small])
    shape = shape_of(tmp_path / "teacher")
    assert (shape.size, shape.grid, shape.dim) == ((32, 32), (4, 4), 24)

    cards = shape.data.read(shape.size)[0]
    teacher, proxies = trained_teacher(tmp_path / "teacher", cards)
    assert proxies.shape == (cards.count, 24)
    with torch.no_grad():
        wanted = teacher(cards.images[:6].float() / 255)
    cosines = wanted.embedding @ proxies.T
    own = cosines.gather(1, cards.classes[:6, None])[:, 0]  # below 1 where two pictures are of one class
    assert (own > 0.9).all()
    assert (own > cosines.median(dim=1).values).all()
    assert torch.allclose(wanted.attention.sum(dim=(1, 2)), torch.ones(6), atol=1e-5)
    assert not any(parameter.requires_grad for parameter in teacher.parameters())

    overrides = [f"out={tmp_path / 'student'}", f"teacher={tmp_path / 'teacher'}", "validate_every=2"]
    run("student", CONFIGS / "tiny_student.toml", [*overrides, "stages=[{epochs=1,rate=1e-3}]"])
    _, _, network, size = trained(tmp_path / "student")
    assert network(torch.rand(2, 3, *size)).shape == (2, 24)
