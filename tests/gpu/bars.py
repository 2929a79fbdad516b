"""What a card must reach, and the ratios to others of the same go: pure functions of the numbers that parts have said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Values = Mapping[str, float]


@dataclass(frozen=True)
class Bar:
    """A number, and its bound on each card."""

    text: str
    number: Callable[[Values], float]
    bounds: Mapping[str, float]  # part of the card's name -> bound; "": any card
    at_least: bool = False  # else at most

    def bound(self, card: str) -> float | None:
        """None: there is no bound for this card."""
        return next((bound for name, bound in self.bounds.items() if name in card), None)

    def reached(self, seen: float, bound: float) -> bool:
        return seen >= bound if self.at_least else seen <= bound


def rate(name: str, count: int) -> Callable[[Values], float]:
    """Pictures per second."""
    return lambda values: count / values[f"{name}.seconds"]


def of(name: str, other: str = "") -> Callable[[Values], float]:
    """A number, or its ratio to another."""
    return lambda values: values[name] / (values[other] if other else 1.0)


BARS = (
    Bar("SDXL batch 4, plain, img/s", rate("sdxl-4", 4), {"H100": 19, "H200": 22}, at_least=True),
    Bar("SDXL batch 4, compiled, img/s", rate("sdxl-4-compiled", 4), {"H100": 22, "H200": 26}, at_least=True),
    Bar("SDXL batch 1, s a step", of("sdxl-1.seconds"), {"": 0.070}),
    Bar("Flux batch 1, img/s", rate("flux-1", 1), {"H100": 2.1}, at_least=True),
    Bar("SD1.5 at 512, batch 1, s a step (published 0.181)", of("sd15-1.seconds"), {"": 0.181 / 3}),
    Bar("SDXL batch 4: step / bare forward + backward", of("sdxl-4.seconds", "sdxl-4.bare"), {"": 1.15}),
    Bar("SDXL batch 1: step / bare forward + backward", of("sdxl-1.seconds", "sdxl-1.bare"), {"": 1.15}),
    Bar("SDXL batch 1, peak, GiB (published 13.0)", of("sdxl-1.peak"), {"": 13.0}),
    Bar("SDXL batch 1, all checkpointed, peak, GiB (published 6.5)", of("sdxl-1-all.peak"), {"": 6.5}),
    Bar("SD1.5 batch 1, peak, GiB (published 2.9)", of("sd15-1.peak"), {"": 2.9}),
    Bar("SD1.5 batch 1, all checkpointed, peak, GiB (published 2.0)", of("sd15-1-all.peak"), {"": 2.0}),
    Bar("Flux 512 batch 1, bf16, peak, GB (published 24.7)", lambda v: v["flux-512.peak"] * 1.073741824, {"": 24.7}),
    Bar(
        "SDXL batch 1: ComfyUI's Train LoRA / ours, time",
        of("comfyui.seconds", "sdxl-1.seconds"),
        {"": 1.5},
        at_least=True,
    ),
    Bar("SDXL batch 1: ours / ComfyUI's Train LoRA, peak", of("sdxl-1.peak", "comfyui.peak"), {"": 0.7}),
)
RATIOS = {
    "SDXL batch 1: ours / diffusers + peft, time": of("sdxl-1.seconds", "diffusers.seconds"),
    "SDXL batch 1: ours / diffusers + peft, peak": of("sdxl-1.peak", "diffusers.peak"),
    "SDXL batch 1: cudaMallocAsync / native allocator, time (advise or stand in above 1.10)": of(
        "sdxl-1-async.seconds", "sdxl-1.seconds"
    ),
}


def rows(values: Values, card: str) -> Iterator[str]:
    """Lines of a table: measured, bound, reached or missed; nothing without a card."""
    if not card:
        return
    yield "| bar | measured | bound | |"
    yield "|---|---|---|---|"
    for bar in BARS:
        bound = bar.bound(card)
        sign = ">=" if bar.at_least else "<="
        asked = "none for this card" if bound is None else f"{sign} {bound:.3g}"
        try:
            seen = bar.number(values)
        except (KeyError, ZeroDivisionError):
            yield f"| {bar.text} | not measured | {asked} | |"
            continue
        verdict = "" if bound is None else "reached" if bar.reached(seen, bound) else "MISSED"
        yield f"| {bar.text} | {seen:.3g} | {asked} | {verdict} |"


def ratios(values: Values, card: str) -> Iterator[str]:
    """Lines of a table: this go's numbers against each other; nothing without a card."""
    if not card:
        return
    yield "| ratio of the same go | |"
    yield "|---|---|"
    for text, number in RATIOS.items():
        try:
            yield f"| {text} | {number(values):.3f} |"
        except (KeyError, ZeroDivisionError):
            yield f"| {text} | not measured |"
