"""The training loop of every network: batches of like lengths, early stopping, checkpoints, logs; on one process or, through accelerate,
on several, CPUs or GPUs.

What a step draws depends on the seed and on the step alone, so that a run that was stopped goes on to the same end.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from affekt.errors import InputError, MissingExtra
from affekt.parts import LabelSet, Row
from affekt.training.lesson import Floats, Lesson, figure_of
from affekt.training.losses import Loss, heads_loss, label_weights

POOL = 40  # batches among whose rows like lengths are put together: little is padding, and order still varies
CHECKPOINT, LOGS = "checkpoint.pt", "logs"  # in a run's working folder


@dataclass(frozen=True, slots=True)
class Optimiser:
    """How to step; `[optimiser]` of a recipe.

    Args:
        epochs: times that every row is seen, at most.
        rate, head_rate: of what was trained before, and of what is new; they rise over the first `warm_up` of all steps, then fall to 0.
        clip: length that a gradient is cut to.
        patience: epochs without a better figure on the dev rows after which training stops; 0: never.
        precision: "bf16" is faster where the processor can multiply in it; "auto" finds out.
        minutes: after which no epoch is begun; 0: any number.
        checkpoint_minutes: between checkpoints.
    """

    epochs: int = 3
    batch: int = 32
    rate: float = 1e-4
    head_rate: float = 1e-3
    weight_decay: float = 0.01
    warm_up: float = 0.1
    clip: float = 1.0
    patience: int = 2
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    minutes: float = 0.0
    checkpoint_minutes: float = 5.0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1:
            raise InputError(f"epochs and batch are at least 1; given: {self.epochs} and {self.batch}")
        if min(self.rate, self.head_rate) <= 0 or not 0 <= self.warm_up < 1:
            raise InputError("rate and head_rate are above 0, warm_up is in [0, 1)")


class Network(Protocol):
    """A network, and how rows become what it takes."""

    module: nn.Module  # tensors of a batch -> {label set: raw outputs (batch, labels)}

    def prepare(self, row: Row) -> Any:
        """What the network takes of a row, such as its token ids."""
        ...

    def size(self, prepared: Any) -> int:
        """How long that is, in whatever batches are padded to."""
        ...

    def collate(self, prepared: Sequence[Any]) -> tuple[Tensor, ...]:
        """The tensors of a batch."""
        ...

    def groups(self, optimiser: Optimiser) -> list[dict[str, Any]]:
        """Parameters by how fast they learn, as torch's optimisers take them."""
        ...


@dataclass(frozen=True, slots=True)
class Watch:
    """Whom the loop tells what it does.

    Args:
        tell: a line, now and then.
        step: steps that are done, of how many, and the running loss.
    """

    tell: Callable[[str], None] = lambda _: None
    step: Callable[[int, int, float], None] = lambda *_: None


@dataclass(slots=True)
class Progress:
    """Where a run is; what a checkpoint holds beside numbers of the network and its optimiser."""

    step: int = 0
    loss: float = math.nan  # the running mean
    best: float = -math.inf
    best_epoch: int = -1
    history: list[dict[str, float]] = field(default_factory=list)


def batches(sizes: Sequence[int], batch: int, rng: np.random.Generator) -> list[list[int]]:
    """Random batches of rows of like length, as places in `sizes`."""
    order = rng.permutation(len(sizes)).tolist()
    pools = [sorted(order[at : at + batch * POOL], key=lambda row: sizes[row]) for at in range(0, len(order), batch * POOL)]
    made = [pool[at : at + batch] for pool in pools for at in range(0, len(pool), batch)]
    return [made[at] for at in rng.permutation(len(made)).tolist()]


def fit(
    network: Network,
    train: Lesson,
    dev: Lesson,
    label_sets: Sequence[LabelSet],
    *,
    optimiser: Optimiser,
    loss: Loss,
    seed: int,
    work: Path | None = None,
    change: Callable[[Row, np.random.Generator], Row] | None = None,
    shares: Mapping[str, float] | None = None,
    watch: Watch | None = None,
) -> Progress:
    """Trains in place and leaves the network as it was after its best epoch.

    Args:
        dev: rows by which the best epoch is chosen; the figure is of the first label set. Without any the last epoch is.
        work: folder of checkpoint and TensorBoard's logs; a run whose checkpoint lies there goes on. None: nothing is written.
        change: what makes an augmented row of a row.
        shares: label set -> what its loss is multiplied by.

    Raises:
        FloatingPointError: the loss is no number any more.
        MissingExtra: accelerate is not installed.
    """
    run = Run(network, train, dev, label_sets, optimiser=optimiser, loss=loss, seed=seed, work=work, change=change, shares=shares)
    return run.go(watch or Watch())


class Run:
    """A training run: what `fit` was asked for, and what it has made ready."""

    def __init__(
        self,
        network: Network,
        train: Lesson,
        dev: Lesson,
        label_sets: Sequence[LabelSet],
        *,
        optimiser: Optimiser,
        loss: Loss,
        seed: int,
        work: Path | None,
        change: Callable[[Row, np.random.Generator], Row] | None,
        shares: Mapping[str, float] | None,
    ) -> None:
        self.network, self.train, self.dev, self.sets = network, train, dev, label_sets
        self.optimiser, self.loss, self.seed, self.work, self.change, self.shares = optimiser, loss, seed, work, change, shares or None
        self.accelerator = _accelerator(optimiser.precision)
        self.prepared = [network.prepare(row) for row in train.rows]
        self.sizes = [network.size(one) for one in self.prepared]
        self.a_epoch = -(-len(train.rows) // optimiser.batch)
        self.steps = self.a_epoch * optimiser.epochs
        adam = torch.optim.AdamW(network.groups(optimiser), lr=optimiser.rate, weight_decay=optimiser.weight_decay)
        self.module, self.adam = self.accelerator.prepare(network.module, adam)
        self.rates = [group["lr"] for group in adam.param_groups]
        self.weights = {
            labels.name: label_weights(torch.from_numpy(train.gold[labels.name]), torch.from_numpy(train.known[labels.name]), labels, loss)
            for labels in label_sets
        }
        self.progress, self.best = Progress(), dict[str, Tensor]()
        self.name = self._named()

    def go(self, watch: Watch) -> Progress:
        """Steps until the end, or until nothing gets better."""
        self._resume(watch)
        began, saved, first = time.monotonic(), time.monotonic(), self.progress.step
        with _writer(self.work if self.accelerator.is_main_process else None) as log:
            while self.progress.step < self.steps and not self._enough(began):
                epoch = self.progress.step // self.a_epoch
                for rows in self._plan(epoch)[self.progress.step % self.a_epoch :]:
                    cost = self._step(rows)
                    running = self.progress.loss
                    self.progress.loss = cost if math.isnan(running) else 0.98 * running + 0.02 * cost
                    self.progress.step += 1
                    watch.step(self.progress.step, self.steps, self.progress.loss)
                    log("loss/train", cost, self.progress.step)
                    if time.monotonic() - saved > 60 * self.optimiser.checkpoint_minutes:
                        self._save()
                        saved = time.monotonic()
                self._judge(epoch, watch, log)
                self._save()
        self.accelerator.unwrap_model(self.module, keep_fp32_wrapper=False)  # from now on it computes in full precision
        if self.best:
            self.network.module.load_state_dict(self.best, strict=False)
        took = time.monotonic() - began
        watch.tell(f"{self.progress.step - first} steps in {took:.0f} s; the best epoch is {self.progress.best_epoch + 1}")
        return self.progress

    def _step(self, rows: Sequence[int]) -> float:
        """One step on the rows at these places; what it cost."""
        torch.manual_seed(_mixed(self.seed, self.progress.step, self.accelerator.process_index))
        mine = rows[self.accelerator.process_index :: self.accelerator.num_processes] or rows[:1]
        inputs = self._moved(self.network.collate([self._seen(at) for at in mine]))
        self.module.train()
        with self.accelerator.autocast():
            raw = self.module(*inputs)
        told = {kind: self._told(getattr(self.train, kind), mine) for kind in ("gold", "known", "teacher")}
        cost = heads_loss(
            {name: one.float().cpu() for name, one in raw.items()},
            told["gold"],
            told["known"],
            self.sets,
            self.loss,
            shares=self.shares,
            weights=self.weights,
            teacher=told["teacher"],
        )
        if not math.isfinite(value := cost.item()):
            raise FloatingPointError(f"the loss is {value} at step {self.progress.step + 1}; lower rate and head_rate")
        for group, rate in zip(self.adam.param_groups, self.rates, strict=True):
            group["lr"] = rate * self._share()
        self.accelerator.backward(cost)
        self.accelerator.clip_grad_norm_([p for p in self.module.parameters() if p.requires_grad], self.optimiser.clip)
        self.adam.step()
        self.adam.zero_grad()
        return value

    def _share(self) -> float:
        """Of its rate, what each group learns with at this step: rising at first, then falling to nothing."""
        warm = max(int(self.optimiser.warm_up * self.steps), 1)
        return min((self.progress.step + 1) / warm, (self.steps - self.progress.step) / max(self.steps - warm, 1))

    def _plan(self, epoch: int) -> list[list[int]]:
        return batches(self.sizes, self.optimiser.batch, np.random.default_rng([self.seed, epoch]))

    def _seen(self, at: int) -> Any:
        """A row as the network sees it this time."""
        if self.change is None:
            return self.prepared[at]
        return self.network.prepare(self.change(self.train.rows[at], np.random.default_rng([self.seed, self.progress.step, at])))

    def _told(self, told: Mapping[str, Floats], rows: Sequence[int]) -> dict[str, Tensor]:
        return {name: torch.from_numpy(values[list(rows)]) for name, values in told.items()}

    def _moved(self, inputs: tuple[Tensor, ...]) -> list[Tensor]:
        return [one.to(self.accelerator.device) for one in inputs]

    def _judge(self, epoch: int, watch: Watch, log: Callable[[str, float, int], None]) -> None:
        """Looks at the dev rows after an epoch, and keeps the network if it is the best so far."""
        figure = math.nan
        if self.dev.rows:
            labels = self.sets[0]
            raw = predict(self.network, self.dev.rows, batch=2 * self.optimiser.batch, move=self._moved)[labels.name]
            figure = figure_of(raw, self.dev.gold[labels.name], self.dev.known[labels.name], labels)
            log("dev/figure", figure, self.progress.step)
        running = self.progress.loss
        self.progress.history.append({"epoch": epoch + 1, "loss": round(running, 5), "dev": round(figure, 5)})
        if not self.dev.rows or figure > self.progress.best or self.progress.best_epoch < 0:
            self.progress.best, self.progress.best_epoch = figure, epoch
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in _learned(self.network.module).items()}
        watch.tell(f"epoch {epoch + 1}/{self.optimiser.epochs}: loss {running:.4f}" + (f", dev {figure:.4f}" if self.dev.rows else ""))

    def _enough(self, began: float) -> bool:
        done, limit = self.progress.step // self.a_epoch, self.optimiser.minutes
        patience = self.optimiser.patience
        stale = bool(patience and self.dev.rows and done - 1 - self.progress.best_epoch >= patience and self.progress.best_epoch >= 0)
        return stale or bool(limit and time.monotonic() - began > 60 * limit)

    def _named(self) -> str:
        """What tells this run from another: of other rows, targets, settings or starting weights."""
        settings = (self.seed, replace(self.optimiser, checkpoint_minutes=1.0), self.loss, sorted((self.shares or {}).items()), self.sizes)
        found = sha256(repr(settings).encode())
        for lesson in (self.train, self.dev):
            for values in (*lesson.gold.values(), *lesson.known.values(), *lesson.teacher.values()):
                found.update(values.tobytes())
        for name, tensor in sorted(_learned(self.network.module).items()):
            found.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
        return found.hexdigest()

    def _save(self) -> None:
        """Writes a checkpoint, whole or not at all.

        Raises:
            InputError: there is no room for it, or the folder cannot be written.
        """
        if self.work is None or not self.accelerator.is_main_process:
            return
        progress = self.progress
        state = {
            "run": self.name,
            "progress": asdict(progress),
            "network": _learned(self.network.module),
            "best": self.best,
            "adam": self.adam.state_dict(),
        }
        part = (self.work / CHECKPOINT).with_suffix(".part")
        try:
            self.work.mkdir(parents=True, exist_ok=True)
            torch.save(state, part)
            part.replace(self.work / CHECKPOINT)
        except (OSError, RuntimeError) as error:  # of a full disk torch raises the latter
            part.unlink(missing_ok=True)
            raise InputError(f"no checkpoint can be written to {self.work}: {error}; make room there, then go on with --resume") from error

    def _resume(self, watch: Watch) -> None:
        """Goes back to where the checkpoint in the working folder was, if there is one of this very run."""
        path = None if self.work is None else self.work / CHECKPOINT
        if path is None or not path.is_file():
            return
        state = torch.load(path, weights_only=True, map_location="cpu")
        if state["run"] != self.name:
            raise InputError(f"{path} is of another run (other rows, settings or start); remove {path.parent}, or choose another folder")
        self.network.module.load_state_dict(state["network"], strict=False)
        self.adam.load_state_dict(state["adam"])
        self.progress, self.best = Progress(**state["progress"]), state["best"]
        watch.tell(f"goes on at step {self.progress.step} of {self.steps}")


@torch.no_grad()
def predict(
    network: Network,
    rows: Sequence[Row],
    *,
    batch: int = 64,
    move: Callable[[tuple[Tensor, ...]], Sequence[Tensor]] = lambda inputs: inputs,
) -> dict[str, Floats]:
    """Raw outputs of the network in the order of the rows: {label set: (rows, labels)}."""
    network.module.eval()
    prepared = [network.prepare(row) for row in rows]
    order = sorted(range(len(rows)), key=lambda at: network.size(prepared[at]))
    out = dict[str, Floats]()
    for at in range(0, len(order), batch):
        chosen = order[at : at + batch]
        for name, raw in network.module(*move(network.collate([prepared[one] for one in chosen]))).items():
            out.setdefault(name, np.zeros((len(rows), raw.shape[1]), np.float32))[chosen] = raw.float().cpu().numpy()
    return out


def _learned(module: nn.Module) -> dict[str, Tensor]:
    """What of a network training changes, by name: parameters that have gradients, and buffers."""
    fixed = {name for name, parameter in module.named_parameters() if not parameter.requires_grad}
    return {name: tensor for name, tensor in module.state_dict().items() if name not in fixed}


def _mixed(seed: int, step: int, process: int) -> int:
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1)[0])


def _accelerator(precision: Literal["auto", "fp32", "bf16"]) -> Any:
    try:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState
    except ImportError as error:
        raise MissingExtra("accelerate", "train") from error
    AcceleratorState._reset_state()  # else a second run in this process could not have another precision
    able = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else torch.ops.mkldnn._is_mkldnn_bf16_supported()
    bf16 = able if precision == "auto" else precision == "bf16"
    return Accelerator(cpu=not torch.cuda.is_available(), mixed_precision="bf16" if bf16 else "no")


@contextmanager
def _writer(work: Path | None) -> Iterator[Callable[[str, float, int], None]]:
    """What writes figures where TensorBoard finds them."""
    if work is None:
        yield lambda *_: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtra("tensorboard", "train") from error
    with SummaryWriter(str(work / LOGS)) as writer:
        yield writer.add_scalar
