"""Events of a run: the loop yields them, the run log writes them, nodes and trackers show them."""

from __future__ import annotations

import math
import traceback
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A run begins at its first step."""

    run_id: str
    steps: int
    epochs: int
    trained: str  # layers and parameters, in words
    steps_per_epoch: int = 0  # 0: of a log of an older version


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the work begins that may take seconds and is no step: `what` names it, such as "loading the model"."""

    what: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """`done` of `total` pictures or captions (`what`) are encoded; 0 before the first of them."""

    what: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """One optimizer step is finished; one line of metrics.jsonl."""

    step: int  # from 1
    epoch: int  # from 1
    loss: float  # mean over the samples of the step
    lr: float  # of the first parameter group
    grad_norm: float
    seconds: float  # wall-clock time of the step; on a GPU the mean of those that were read back together
    data_wait: float = 0.0  # seconds of it in which the network waited for its data
    pictures: tuple[int, ...] = ()  # index of each sample's picture in the dataset
    timesteps: tuple[float, ...] = ()  # of each sample, in 0..1000
    losses: tuple[float, ...] = ()  # of each sample
    lrs: tuple[float, ...] = ()  # of every parameter group, if they differ
    d_lr: float | None = None  # d * lr: what D-Adaptation or Prodigy really uses
    memory: float = 0.0  # GB: most that torch has held on the GPU, or the process' own without one


@dataclass(frozen=True, slots=True)
class Probed:
    """The probe has measured the loss of its fixed samples, with fixed noise and timesteps."""

    step: int  # finished steps
    loss: float  # plain l2
    percent: float  # of the loss at step 0
    label: str  # which samples it measures: "held-out pictures" or "training pictures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """A sample picture was drawn with the network as it is after `step` steps."""

    path: Path
    step: int
    epoch: int  # finished epochs
    index: int  # of its prompt
    prompt: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """The sample pictures of one step were compared with the training pictures; read back by `history/scores.py`."""

    step: int
    epoch: int  # finished epochs
    scorer: str  # id
    title: str  # of the scorer
    weak: bool
    values: Mapping[str, Any]  # by the score's name: its mean, standard error and number of pictures
    copies: int  # of the pictures, how many look like copies of a training picture
    scores: tuple[Mapping[str, Any], ...]  # of each picture, with its index


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A stopped or shorter run is continued after `step` steps."""

    run_id: str
    step: int  # finished steps
    steps: int
    epochs: int
    trained: str
    steps_per_epoch: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A LoRA file is on disk."""

    path: Path
    step: int
    epoch: int  # finished epochs; in the last file the cut one counts, as in sd-scripts
    hash: str  # sshs_model_hash
    kind: str  # "epoch", "step", "last", "interrupted" (whatever stopped it) or "asked" (by the user)
    deviation: float = 0.0  # of the file as the stock loader applies it, as a part of the trained effect
    trouble: str = ""  # what is wrong with the file, in one sentence
    norm: float = 0.0  # Frobenius norm of all that is trained, as it is in the file
    reached: int = 0  # the step that the run has ended with, if its last file is of an earlier one (patience); else 0


@dataclass(frozen=True, slots=True)
class Warned:
    """One sentence that the user should know; training goes on."""

    text: str
    note: bool = False  # what was chosen for him, about which nothing needs to be done


@dataclass(frozen=True, slots=True)
class Queued:
    """The host's job that a session of a run belongs to; events.jsonl tells it with "preparing"."""

    prompt_id: str
    time: float | None  # seconds since 1970 at which its client has queued it, if the host knows


Event = Started | Resumed | Phase | Encoded | Stepped | Probed | Sampled | Scored | Saved | Warned


@contextmanager
def ended_together(events: Iterable[Event]) -> Iterator[None]:
    """Inside, events are read; afterwards their generator has ended, too, in the middle or not.

    An interrupt that is thrown in between would leave it half way for as long as the exception's traceback lives: a run saved what
    it had reached after its end was noted, and now and then while the next one trained.
    """
    try:
        yield
    finally:
        if isinstance(events, Generator):
            events.close()


def forget_frames(error: BaseException) -> None:
    """Let go of all that the functions hold which an error has come through: generators that are half way end now, and memory is free.

    ComfyUI keeps an error for a while, and with it what stands in its traceback: models, tensors, what waits to be put back.
    """
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
        traceback.clear_frames(one.__traceback__)


_KINDS = {
    kind.__name__.lower(): kind for kind in (Started, Resumed, Phase, Encoded, Probed, Sampled, Scored, Saved, Warned)
}


def from_line(line: Mapping[str, Any]) -> Event | None:
    """Return the event that a line of metrics.jsonl or events.jsonl holds; None if the line is no event of the loop."""
    kind = _KINDS.get(line["event"]) if "event" in line else Stepped
    if kind is None:
        return None
    values: dict[str, Any] = {field.name: line[field.name] for field in fields(kind) if field.name in line}
    for field in fields(kind):  # JSON writes NaN and infinity as null
        if field.type == "float" and values.get(field.name, 0.0) is None:
            values[field.name] = math.nan
    if "path" in values:
        values["path"] = Path(values["path"])
    return kind(**values)
