"""What MLflow keeps: enough to know, in two years, what a number was measured on."""

from pathlib import Path

import mlflow
import pytest

from training.metric.train import MetricConfig
from training.run import Plan
from training.tracking import tracked


@pytest.fixture
def config(tmp_path: Path) -> MetricConfig:
    return MetricConfig(out=tmp_path / "run", plan=Plan(steps=7))


def client(folder: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


def test_settings_numbers_facts_and_files_are_kept(tmp_path: Path, config: MetricConfig) -> None:
    """A score without its settings and its data cannot be compared with another."""
    file = tmp_path / "plot.txt"
    file.write_text("a plot")
    with tracked("metric", config.out, config) as tracker:
        tracker.report(5, {"loss": 0.5, "top1": 90})
        tracker.tag("data", "abc")
        tracker.keep(file)
    kept = client(tmp_path).get_run((config.out / "mlflow.id").read_text())
    assert kept.data.params["plan.steps"] == "7"
    assert kept.data.params["recipe.loss"] == "infonce"
    assert kept.data.metrics == {"loss": 0.5, "top1": 90.0}
    assert kept.data.tags["data"] == "abc"
    assert kept.data.tags["git"]
    assert [one.path for one in client(tmp_path).list_artifacts(kept.info.run_id)] == ["plot.txt"]
    assert kept.info.status == "FINISHED"


def test_a_run_that_goes_on_is_the_same_run(tmp_path: Path, config: MetricConfig) -> None:
    """Two halves of a curve in two runs are no curve."""
    with pytest.raises(KeyboardInterrupt), tracked("metric", config.out, config) as tracker:
        tracker.report(1, {"loss": 2.0})
        raise KeyboardInterrupt
    with tracked("metric", config.out, config) as tracker:
        tracker.report(2, {"loss": 1.0})
    known = (config.out / "mlflow.id").read_text()
    assert [one.value for one in client(tmp_path).get_metric_history(known, "loss")] == [2.0, 1.0]
    assert client(tmp_path).get_run(known).info.status == "FINISHED"
    experiment = client(tmp_path).get_experiment_by_name("metric")
    assert experiment is not None
    assert len(client(tmp_path).search_runs([experiment.experiment_id])) == 1


def test_a_process_that_does_not_lead_keeps_nothing(tmp_path: Path, config: MetricConfig) -> None:
    """Eight processes would be eight runs."""
    with tracked("metric", config.out, config, leads=False) as tracker:
        tracker.report(1, {"loss": 1.0})
        tracker.tag("data", "abc")
        tracker.keep(tmp_path)
    assert not list(tmp_path.iterdir())
