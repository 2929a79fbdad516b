"""What makes the steps of a session: optimizer, stepper, and what they do when memory runs out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch

from ..host import devices
from ..optim import averaging
from ..resume.compute_plan import ComputePlan
from ..settings import Job
from .deterministic import DeterministicMode
from .load import LoadedModels
from .memory_advice import memory_advice, optimizer_memory_advice
from .oom_splitter import OomSplitter
from .predraw import PredrawnObjective
from .prepare import Prepared
from .ranks import Ranks
from .step import Stepper


@dataclass(frozen=True, slots=True, kw_only=True)
class Updates:
    """What makes the steps of a session."""

    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    ema: averaging.Ema | None
    splitter: OomSplitter
    mode: DeterministicMode
    objective: PredrawnObjective
    stepper: Stepper

    def plan(self, before: ComputePlan) -> ComputePlan:
        """Return how steps are computed by now: memory may have run out since `before`, or determinism been given up."""
        memory = replace(before.memory, max_samples=self.splitter.max_samples)
        return replace(before, memory=memory, deterministic=self.mode.on)


def make_updates(job: Job, run: Prepared, models: LoadedModels, ranks: Ranks) -> Updates:
    """Build the optimizer and the stepper on what is trained, which gets its first values."""
    model, target = models.model, models.target
    run.load_first_values(target.module)
    optimizer = run.optimizer.build(target.groups)
    ema = _ema(job, target.groups)
    scaler = torch.amp.GradScaler(model.device.type, enabled=model.compute_dtype == torch.float16)
    splitter = OomSplitter(
        free=devices.free_memory,
        advice=memory_advice(job, models.plan.memory.checkpointing),
        update_advice=optimizer_memory_advice(job),
        is_full=devices.is_out_of_memory,
        max_samples=models.plan.memory.max_samples,
    )
    mode = DeterministicMode(job.training.deterministic, models.plan.deterministic, model.device)
    objective = PredrawnObjective(run.objective, pin=model.device.type == "cuda")
    stepper = Stepper(
        predict=model.predict,
        objective=objective,
        network=target.module,
        optimizer=optimizer,
        max_grad_norm=job.optimizer.max_grad_norm,
        seed=job.training.seed,
        scaler=scaler,
        after_update=[target.after_step, *([ema.update] if ema else [])],
        splitter=splitter,
        ranks=ranks,
        around=target.around_pass,
        deterministic=mode,
    )
    return Updates(
        optimizer=optimizer,
        scaler=scaler,
        ema=ema,
        splitter=splitter,
        mode=mode,
        objective=objective,
        stepper=stepper,
    )


def _ema(job: Job, groups: list[dict[str, Any]]) -> averaging.Ema | None:
    """Return the running mean of the trained weights; None if ema_decay is 0."""
    decay = job.optimizer.ema_decay
    return averaging.Ema((p for group in groups for p in group["params"]), decay) if decay else None
