"""Sweep: which settings are trained with which values, how many of their combinations, and how the runs are compared."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting


class SweepSettings(Settings):
    """Lists over the settings of Train LoRA and of the config nodes in front of it."""

    settings: str = setting(
        "learning_rate: 5e-5, 1e-4, 2e-4",
        "One line for each setting that varies, its name and its values: 'rank: 8, 16'; 'learning_rate: 1e-4, 2e-4'; 'optimizer_type: "
        "AdamW8bit, Prodigy'; 'seed: x3' (three random seeds); '12.rank: 8, 16' where two nodes have one of that name. Names are those of "
        "the widgets of Train LoRA and of the nodes in front of it. A line that begins with # is left out.",
        multiline=True,
    )
    mode: Literal["grid", "random"] = setting(
        "grid", "grid: all combinations. random: as many of them as count says, drawn by seed."
    )
    count: int = setting(8, "How many combinations random draws.", ge=1, le=1000)
    seed: int = setting(
        0, "Seed that draws the combinations and random values such as x3.", fixed_seed=True, ge=0, le=2**53
    )
    compare: Literal["last", "best"] = setting(
        "last",
        "Which file of each run the axis has: the last one, or the one nearest to the step where the probe was lowest.",
    )
    early_end: bool = setting(
        False,
        "End hopeless runs early (successive halving): at a quarter and at half of the steps only the better half by the probe goes on. "
        "Ended runs keep their file and their state. Needs a probe, better one of held-out pictures.",
        advanced=True,
    )
    budget: float = setting(
        0.0,
        "At most so much in all, in budget_unit; 0 = no limit. If all combinations would take more, fewer are drawn by seed.",
        ge=0,
        le=1e7,
        step=10,
        advanced=True,
    )
    budget_unit: Literal["minutes", "steps"] = setting("minutes", "What budget is counted in.", advanced=True)
