"""Build the optimizer that the settings name, after trying it on small parameters."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from .. import imports, packages
from ..errors import AthanorError, shortened
from ..names import close_to
from ..settings import OptimizerSettings
from . import args, names

CPU = torch.device("cpu")


def _load(name: str) -> type[torch.optim.Optimizer]:
    """Import the class that an optimizer's name stands for.

    Raises:
        AthanorError: its package is missing or broken, or has no such class.
    """
    path, wanted = names.locate(name)
    package = path.partition(".")[0]
    try:
        # bitsandbytes would fetch kernels for 4-bit layers on a CPU, which no optimizer needs, or say that it cannot.
        with imports.without("kernels"), imports.errors_alone("bitsandbytes"), imports.compiled_later():
            module = importlib.import_module(path)
    except Exception as error:  # a broken package can raise anything
        pip = names.PIP.get(package, package)
        field = "optimizer_class" if "." in name else "optimizer_type"
        raise AthanorError(
            f"{field} {shortened(name)} needs the package {shortened(package)}, which does not load ({shortened(error, 200)}); "
            f"install it with '{packages.pip(shortened(pip))}' or {_instead(name)}."
        ) from None
    cls = getattr(module, wanted, None)
    if not (isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)):
        known = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, torch.optim.Optimizer)]
        near = close_to(wanted, [*known, *names.CLASSES])
        hint = f"did you mean {near[0]}?" if near else "look it up in the package's documentation."
        raise AthanorError(f"optimizer_class: {shortened(path)} has no optimizer {shortened(wanted)}; {hint}")
    return cls


def _instead(name: str) -> str:
    """Return what the user can do instead: another optimizer, or optimizer_fallback."""
    other = names.SAME_IN_32_BITS.get(name)
    return f"choose {other}, or switch optimizer_fallback on" if other else "choose AdamW"


def _complete(name: str, settings: OptimizerSettings) -> dict[str, Any]:
    """Return the user's optimizer_args and those that sd-scripts adds to them."""
    arguments = args.parse(settings.optimizer_args)
    if name in ("SGDNesterov", "SGDNesterov8bit"):
        arguments = {"momentum": 0.9} | arguments | {"nesterov": True}
    if names.relative_step(settings):
        arguments["relative_step"] = True  # warmup_init=True means it, whatever relative_step says
    return arguments


def _try(
    cls: Callable[..., torch.optim.Optimizer], arguments: dict[str, Any], rate: float | None, device: torch.device
) -> None:
    """Make one step on throw-away parameters on the training's device, so that errors show before the run (betas of 2, a library
    without its kernels, a class that needs more than gradients)."""
    with torch.inference_mode(False), torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        weights = [torch.nn.Parameter(torch.zeros(shape, device=device)) for shape in ((64, 64), (8,))]
        for weight in weights:
            weight.grad = torch.full_like(weight, 1e-3)
        _made(cls, weights, rate, arguments).step()


def _made(
    cls: Callable[..., torch.optim.Optimizer], parameters: list[Any], rate: float | None, arguments: dict[str, Any]
) -> torch.optim.Optimizer:
    """Make an optimizer; one that averages weights is switched to training, as its package wants it before a step."""
    optimizer = cls(parameters, lr=rate, **arguments)
    train = getattr(optimizer, "train", None)
    if train is not None:
        train()
    return optimizer


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerChoice:
    """An optimizer that has been tried, with a throw-away step, on the device where training will be."""

    settings: OptimizerSettings
    name: str  # as the user names it; another one than asked for where optimizer_fallback has replaced it
    cls: type[torch.optim.Optimizer]
    arguments: dict[str, Any]
    replaced: str  # why it is another one than asked for, in one sentence; '' if it is not

    @property
    def label(self) -> str:
        """Return the optimizer as sd-scripts' metadata names it: torch.optim.adamw.AdamW(weight_decay=0.1,betas=(0.9, 0.99))."""
        text = ",".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.cls.__module__}.{self.cls.__qualname__}" + (f"({text})" if text else "")

    def build(self, groups: Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
        """Return the optimizer over parameter groups. torch's own are fused: one kernel for many tensors instead of ten for each.

        An optimizer that finds the rate itself has only one: that of the first group is used for all.

        Args:
            groups: each with `params` and `lr_scale`, the factor on its learning rate.

        Raises:
            AthanorError: the optimizer does not take parameters of these shapes.
        """
        groups, cls, arguments = list(groups), self.cls, dict(self.arguments)
        if names.adapts(self.settings):
            groups = [group | {"lr_scale": groups[0]["lr_scale"]} for group in groups]
        rate = None if names.relative_step(self.settings) else self.settings.learning_rate
        groups = [group | {"lr": None if rate is None else rate * group["lr_scale"]} for group in groups]
        if can_be_fused(cls, groups[0]["params"][0].device.type) and not arguments.get("foreach"):
            arguments.setdefault("fused", True)
        if cls.__name__ == "DAdaptSGD":
            cls = _without_steps_of_0(cls)
        try:
            return _made(cls, groups, rate, arguments)
        except (TypeError, ValueError) as error:
            raise AthanorError(f"optimizer_type: {cls.__name__} cannot train this network ({error}).") from None


def choose(settings: OptimizerSettings, device: torch.device = CPU) -> OptimizerChoice:
    """Return the optimizer's class and its arguments, checked against each other and tried.

    Args:
        settings: of Optimizer Config.
        device: of the training; the optimizer is tried there.

    Raises:
        AthanorError: the package is missing, an argument is unknown, or a value is wrong.
    """
    name, cls, why = _working(settings, device)
    arguments = _complete(name, settings)
    args.check(arguments, cls)
    rate = None if names.relative_step(settings) else settings.learning_rate
    try:
        _try(cls, arguments, rate, device)
    except Exception as error:  # every package has errors of its own
        if not settings.learning_rate:
            raise AthanorError(f"learning_rate is 0: {name} needs more than 0.") from None
        message = " ".join(str(error).split()) or type(error).__name__
        raise AthanorError(
            f"optimizer_args: {name} does not accept them, or cannot train a network ({message})."
        ) from None
    return OptimizerChoice(settings=settings, name=name, cls=cls, arguments=arguments, replaced=why)


def _working(settings: OptimizerSettings, device: torch.device) -> tuple[str, type[torch.optim.Optimizer], str]:
    """Return name and class of the optimizer that works here, and why it is another one than asked for ('' if it is not)."""
    name = names.named(settings)
    try:
        cls = _load(name)
        if names.locate(name)[0].startswith("bitsandbytes"):
            _works(cls, device)
    except AthanorError as error:
        other = names.SAME_IN_32_BITS.get(name)
        if not (settings.optimizer_fallback and other):
            raise
        return other, _load(other), f"{name} does not work here, {other} is used instead: {error}"
    return name, cls, ""


def _works(cls: type[torch.optim.Optimizer], device: torch.device) -> None:
    """Check that bitsandbytes has kernels for this machine: it may load and still lack them.

    Raises:
        AthanorError: it lacks them.
    """
    try:
        _try(cls, {"momentum": 0.9} if "momentum" in inspect.signature(cls).parameters else {}, 1e-3, device)
    except Exception as error:
        message = " ".join(str(error).split())[:200] or type(error).__name__
        raise AthanorError(
            f"optimizer_type {cls.__name__} needs the package bitsandbytes, which does not work on this machine ({message}); "
            f"{_instead(cls.__name__)}."
        ) from None


def can_be_fused(cls: type[torch.optim.Optimizer], device: str) -> bool:
    """Return whether torch has a fused form of an optimizer on a kind of device; Adagrad has one on the CPU only."""
    ours = cls.__module__.startswith("torch.optim") and "fused" in inspect.signature(cls).parameters
    return ours and (device == "cpu" or (device == "cuda" and cls.__name__ != "Adagrad"))


def _without_steps_of_0(cls: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """Return the class with steps at learning rate 0 left out: DAdaptSGD divides by it, and a warm-up begins there."""

    def step(self: torch.optim.Optimizer, closure: Any = None) -> Any:
        return cls.step(self, closure) if any(group["lr"] for group in self.param_groups) else None

    return type(cls.__name__, (cls,), {"step": step, "__module__": cls.__module__})


def effective(optimizer: torch.optim.Optimizer) -> Any:
    """Return d * lr of an optimizer that finds the rate itself (a number, or a tensor () on the device); None for others."""
    group = optimizer.param_groups[0]  # torch's Adafactor has a "d" as well, which is something else
    return group["d"] * group["lr"] if names.adapting_class(type(optimizer).__name__) and "d" in group else None
