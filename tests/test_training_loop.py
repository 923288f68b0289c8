"""The training loop's promises: it learns, stops early, goes on after a kill to the same end, and trains in several processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")
pytest.importorskip("tensorboard", reason="training writes TensorBoard's logs")
from affekt.errors import InputError
from affekt.training.loop import CHECKPOINT, LOGS, Watch, predict
from affekt.training.losses import Loss
from training_made import LABELS, run

HERE = Path(__file__).parent


def weights(network: object) -> np.ndarray:
    return np.concatenate([part.detach().numpy().ravel() for part in network.module.parameters()])  # type: ignore[attr-defined]


def killed(work: Path, step: int) -> None:
    """A run that is killed by signal 9 right after that step."""
    found = subprocess.run([sys.executable, str(HERE / "training_made.py"), str(work), str(step)], capture_output=True, text=True)
    assert found.returncode == -9, found.stderr[-2000:]


def test_what_can_be_learned_is_learned() -> None:
    _, progress = run(epochs=20)
    assert progress.best > 0.9
    assert progress.history[-1]["loss"] < 0.7 * progress.history[0]["loss"]


def test_the_same_seed_trains_the_same_network() -> None:
    assert np.array_equal(weights(run()[0]), weights(run()[0]))


@pytest.mark.parametrize("step", [7, 30])
def test_a_killed_run_goes_on_to_the_same_end(tmp_path: Path, step: int) -> None:
    whole, told = run(tmp_path / "whole")
    killed(tmp_path / "cut", step)
    assert (tmp_path / "cut" / CHECKPOINT).is_file()
    again, resumed = run(tmp_path / "cut")
    assert np.array_equal(weights(whole), weights(again))
    assert resumed.history == told.history


def test_a_run_killed_twice_goes_on_to_the_same_end(tmp_path: Path) -> None:
    killed(tmp_path / "cut", 5)
    killed(tmp_path / "cut", 21)
    assert np.array_equal(weights(run(tmp_path / "cut")[0]), weights(run()[0]))


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    killed(tmp_path / "cut", 5)
    with pytest.raises(InputError, match="another run"):
        run(tmp_path / "cut", rate=1e-3)


def test_a_checkpoint_half_written_does_not_count(tmp_path: Path) -> None:
    killed(tmp_path / "cut", 5)
    (tmp_path / "cut" / CHECKPOINT).with_suffix(".part").write_bytes(b"half")
    assert np.array_equal(weights(run(tmp_path / "cut")[0]), weights(run()[0]))


def test_a_full_disk_is_told_and_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    killed(tmp_path, 5)
    kept = (tmp_path / CHECKPOINT).read_bytes()
    code = f"""
import pathlib, resource, sys
sys.path.insert(0, {str(HERE)!r})
from training_made import run
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
run(pathlib.Path({str(tmp_path)!r}))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "make room" in found.stderr, found.stderr[-2000:]
    assert (tmp_path / CHECKPOINT).read_bytes() == kept
    assert not list(tmp_path.glob("*.part"))


def test_training_stops_when_nothing_gets_better_and_keeps_the_best() -> None:
    network, progress = run(epochs=40, patience=2)
    best = max(progress.history, key=lambda epoch: epoch["dev"])
    assert progress.best_epoch + 1 == best["epoch"]
    assert len(progress.history) <= progress.best_epoch + 1 + 2
    from affekt.training.lesson import figure_of, lesson_of
    from training_made import rows

    dev = lesson_of(rows(30, seed=9), [LABELS])
    raw = predict(network, dev.rows)[LABELS.name]
    assert figure_of(raw, dev.gold[LABELS.name], dev.known[LABELS.name], LABELS) == pytest.approx(progress.best)


def test_a_budget_of_minutes_is_kept() -> None:
    _, progress = run(epochs=10_000, minutes=1 / 60)
    assert 1 <= len(progress.history) < 10_000


def test_a_loss_that_is_no_number_says_what_to_lower() -> None:
    with pytest.raises(FloatingPointError, match="lower rate"):
        run(rate=1e30, clip=1e30)


@pytest.mark.parametrize("loss", [Loss(kind="focal"), Loss(balance="effective"), Loss(smoothing=0.1)])
def test_every_loss_learns(loss: Loss) -> None:
    assert run(epochs=20, loss=loss)[1].best > 0.8


def test_tensorboard_finds_the_figures(tmp_path: Path) -> None:
    run(tmp_path)
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(tmp_path / LOGS)).Reload().Tags()["scalars"]
    assert {"loss/train", "dev/figure"} <= set(found)


def test_the_watch_is_told_of_every_step() -> None:
    seen: list[int] = []
    run(watch=Watch(step=lambda done, total, loss: seen.append(done)))
    assert seen == list(range(1, len(seen) + 1))


def test_two_processes_train_one_network(tmp_path: Path) -> None:
    from affekt.training.processes import command

    script = tmp_path / "two.py"
    script.write_text(
        f"""
import json, sys
sys.path.insert(0, {str(HERE)!r})
import torch.distributed
from training_made import run
from affekt.training.train import is_first
network, _ = run(epochs=6)
assert torch.distributed.get_world_size() == 2
sums = [float(part.sum()) for part in network.module.parameters()]
open({str(tmp_path)!r} + ("/a" if is_first() else "/b"), "w").write(json.dumps(sums))
"""
    )
    start = command([], processes=2)
    start = [*start[: start.index("-m", 3)], str(script)]
    found = subprocess.run(start, capture_output=True, text=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, timeout=240)
    assert found.returncode == 0, found.stderr[-2000:]
    a, b = (json.loads((tmp_path / name).read_text()) for name in "ab")
    assert a == pytest.approx(b, abs=1e-6)  # both hold the same network: they have shared their gradients
