"""One optimizer step: micro-batches, backward, clipping, update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch

from ..objective import Noised, Objective
from ..optim import optimizers, rounding
from ..randomness import torch_seed
from ..resume.progress import Outcome
from .deterministic import DeterministicMode
from .oom_splitter import OomSplitter, pieces
from .predraw import PredrawnObjective
from .ranks import Ranks, SingleProcess


class Conditioned(Protocol):
    """A micro-batch: latents and whatever the model needs to know about them."""

    @property
    def latents(self) -> torch.Tensor:
        """(B, C, h, w) float32 on the model's device, scaled as the model takes them."""
        ...

    @property
    def weights(self) -> torch.Tensor:
        """(B,) weight of each sample in the loss: 1, or prior_loss_weight."""
        ...

    @property
    def mask(self) -> torch.Tensor | None:
        """(B, 1, H, W) in 0..1: where the loss counts; None: everywhere."""
        ...

    @property
    def part(self) -> Callable[[slice], Conditioned] | None:
        """Returns a micro-batch of some of the samples; None: it cannot be split."""
        ...


Predict = Callable[[Noised, Any], torch.Tensor]
"""(noised latents, micro-batch) -> raw model output (B, C, h, w) float32."""


FOUND_INF = "found_inf"
"""Attribute of torch's fused optimizers: a tensor () that is 1 where the gradient is not finite and the step is to be skipped."""


class Stepper:
    """Runs optimizer steps; holds what stays the same from step to step."""

    def __init__(
        self,
        *,
        predict: Predict,
        objective: Objective | PredrawnObjective,
        network: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        max_grad_norm: float,
        seed: int,
        scaler: torch.amp.GradScaler,
        after_update: Sequence[Callable[[], None]] = (),
        splitter: OomSplitter | None = None,
        ranks: Ranks | None = None,
        around: Callable[[], AbstractContextManager[object]] = nullcontext,
        deterministic: DeterministicMode | None = None,
    ) -> None:
        """Parameters of `network` that the optimizer does not hold get no gradients.

        Args:
            max_grad_norm: gradients are clipped to this norm; 0: not at all.
            seed: of dropout and stochastic rounding.
            scaler: of float16 gradients; disabled for other number formats.
            after_update: called after each update of the weights (norm limits, the running mean).
            splitter: repeats a step with fewer samples at a time when memory runs out.
            ranks: the processes of the run; None: this one alone.
            around: the context of each forward and backward pass.
            deterministic: which algorithms torch may take; None: any.
        """
        self._after_update, self._ranks, self._around = after_update, ranks or SingleProcess(), around
        self._splitter = splitter or OomSplitter()
        self._predict, self._objective, self._seed = predict, objective, seed
        self._parameters = [p for group in optimizer.param_groups for p in group["params"]]
        trained = {id(p) for p in self._parameters}
        for parameter in network.parameters():  # a part with a learning rate of 0 needs no gradients
            parameter.requires_grad_(parameter.requires_grad and id(parameter) in trained)
        self._optimizer, self._max_grad_norm, self._scaler = optimizer, max_grad_norm, scaler
        self._device = self._parameters[0].device
        self._deterministic = deterministic or DeterministicMode("off", False, self._device)
        self._updating = rounding.updating(self._parameters, seed)
        self.consistent = True  # False inside an update: weights and optimizer state may be of two different steps

    def __call__(
        self, step: int, lr: float, batches: Sequence[Conditioned], sizes: Sequence[int] | None = None
    ) -> Outcome:
        """Make one optimizer step on `batches` (gradient accumulation); every sample has the same weight.

        A step whose gradient is NaN or infinite changes nothing, and so does one without any: module dropout has dropped every
        layer, or all of its pictures are left out. Its norm is 0.

        Args:
            step: from 0; random numbers are keyed by it.
            batches: of this process; empty if the step has fewer batches than there are processes, or no usable picture.
            sizes: samples in each batch of the step, of all processes; None: `batches` are all.
        """
        sizes = [len(batch.latents) for batch in batches] if sizes is None else sizes
        for group in self._optimizer.param_groups:
            group["lr"] = lr * group.get("lr_scale", 1.0)
        numbered, total = self._ranks.shard(sizes), sum(sizes)
        self._optimizer.zero_grad(set_to_none=True)

        def backward(max_samples: int | None) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
            return self._backward(step, numbered, batches, total, max_samples)

        losses = timesteps = torch.zeros(0)
        if total:
            own = self._deterministic(lambda: self._splitter(batches, backward))
            losses, timesteps = self._ranks.exchange(self._parameters, own, sizes)
        norm = self._step(step) if any(p.grad is not None for p in self._parameters) else torch.zeros(())
        lrs = tuple(group["lr"] for group in self._optimizer.param_groups)
        d_lr = optimizers.effective(self._optimizer)
        return Outcome(losses=losses, t=timesteps, grad_norm=norm, lrs=lrs, d_lr=d_lr)

    def _step(self, step: int) -> torch.Tensor:
        """Clip the gradients and update the weights by them; returns their norm before clipping, ()."""
        with self._splitter.update(), self._deterministic.update(), self._updating(step):
            self._scaler.unscale_(self._optimizer)
            limit = self._max_grad_norm or float("inf")
            norm = torch.nn.utils.clip_grad_norm_(self._parameters, limit)
            self.consistent = False
            if self._update(norm):
                for action in self._after_update:
                    action()
        self.consistent = True
        return norm

    def rehearse(self, batches: Sequence[Conditioned], max_samples: int | None = None) -> None:
        """Run a step's forward and backward passes without its update, at most `max_samples` at a time. Neither weights nor
        random generators change.
        """
        try:
            numbers = list(enumerate(len(batch.latents) for batch in batches))
            total = sum(size for _, size in numbers)
            self._deterministic(lambda: self._backward(0, numbers, batches, total, max_samples))
        finally:
            self._optimizer.zero_grad(set_to_none=True)

    def _backward(
        self,
        step: int,
        numbered: Sequence[tuple[int, int]],
        batches: Sequence[Conditioned],
        total: int,
        max_samples: int | None,
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Compute the gradients of a step from zero, at most `max_samples` per forward pass.

        Args:
            numbered: place in the step and size of each batch.
            total: samples of the step, of all processes.

        Returns:
            losses and timesteps of each batch, (B,) each.
        """
        self._optimizer.zero_grad(set_to_none=True)
        losses, timesteps = [], []
        if not batches:  # a scaler makes its scale when it sees its first loss
            self._scaler.scale(torch.zeros((), device=self._device))
        # Network dropout draws from torch's own generators: fork them, so that nothing else of the host moves.
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices):
            for (micro, _), batch in zip(numbered, batches, strict=True):
                torch.manual_seed(torch_seed(self._seed, "dropout", step, micro))
                whole = self._objective.prepare(batch.latents, self._seed, step, micro)
                of_pieces = []
                for part, noised in pieces(batch, whole, max_samples):
                    with self._around():
                        loss = self._objective.losses(self._predict(noised, part), noised, part.mask) * part.weights
                        scaled = self._scaler.scale(loss.sum() / total)
                        if scaled.requires_grad:  # else module dropout has dropped every layer
                            scaled.backward()
                    of_pieces.append(loss.detach())
                losses.append(torch.cat(of_pieces))
                timesteps.append(whole.t)
        return losses, timesteps

    def _update(self, norm: torch.Tensor) -> bool:
        """Step the optimizer unless a gradient is NaN or infinite; False if it is known that nothing was changed."""
        if self._scaler.is_enabled():  # it checks the gradients itself, and lowers its scale
            self._scaler.step(self._optimizer)
            self._scaler.update()
            return True
        finite = torch.isfinite(norm)
        if getattr(self._optimizer, "_step_supports_amp_scaling", False):
            setattr(self._optimizer, FOUND_INF, (~finite).float())  # a fused optimizer reads it on the device
            try:
                self._optimizer.step()
            finally:
                delattr(self._optimizer, FOUND_INF)
            return True
        if not finite:  # waits for the device; the optimizers that come here mostly do so themselves
            return False
        self._optimizer.step()
        return True
