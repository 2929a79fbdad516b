"""From the inputs of XYZ Compare to the axes of its grid: what is connected, and what the widgets add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .. import lists
from ..errors import AthanorError
from ..history.handle import Run
from ..host import lora, sampling
from ..settings import CompareSettings
from . import block_axes, control_pictures, epoch_filter, epochs, experts, grammar, kinds, readers, runs, variants
from .axes import Axis, Value
from .cells import Cell
from .control_pictures import ControlPicture
from .experts import Expert
from .model_cache import Models
from .upstream import Slot

OWN_AXES = ("strength", "checkpoint", "prompt", "seed")
"""Axes that the widgets of XYZ Compare make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRequest:
    """All inputs of XYZ Compare.

    Args:
        columns, rows: the own axes (see OWN_AXES) that stand there where `axes` has None.
        expert: a second model for low noise; None: one model draws all.
        axes: x, y, z and further ones; None: not connected.
        controls: IMAGEs of control pictures, by input.
        shown: the pictures in them for each prompt, for all prompts (one entry), or none.
        node: the id of XYZ Compare in the graph.
        links: port -> the output of the graph that it is connected to.
        edge: values of the outputs of the graph that `variants.needed` has named.
    """

    settings: CompareSettings
    sampler: str
    scheduler: str
    columns: str
    rows: str
    models: Models
    run: Run | None = None
    expert: Expert | None = None
    axes: Sequence[Axis | None] = ()
    controls: Mapping[str, Any] = field(default_factory=dict)
    shown: Sequence[tuple[ControlPicture, ...]] = ()
    latent: dict[str, Any] | None = None
    graph: Mapping[str, Any] = field(default_factory=dict)
    node: str = ""
    links: Mapping[str, list[Any]] = field(default_factory=dict)
    edge: Mapping[Slot, Any] = field(default_factory=dict)


def check_widgets(settings: CompareSettings) -> None:
    """Check what can be read without models.

    Raises:
        AthanorError: strengths, seeds or the filter of checkpoints are wrong.
    """
    epoch_filter.read(settings.checkpoints, "checkpoints")
    grammar.numbers(settings.strengths, "strengths")
    grammar.seeds(settings.seeds, "seeds")


def resolve_axes(request: ComparisonRequest) -> tuple[list[Axis], Cell]:
    """Return all axes as they stand in the grid, connected ones and those of the widgets, and the cell that they change.

    Raises:
        AthanorError: there is no prompt, an axis lacks its run, or a widget of the graph leads nowhere.
    """
    connected = [kinds.distinct(_with_epochs(axis, request.run, request.settings)) for axis in request.axes]
    connected = variants.resolve_widgets(connected, request.graph, request.links)
    taken = {name for axis in connected if axis for name in axis.fields}
    request, prompts = _without_skipped(request)
    prompts = prompts or list(request.run.captions if request.run else ())
    control_pictures.check_axes(connected, request.shown)
    own = _own_axes(request, taken, prompts)
    connected = block_axes.resolved(connected, list(own.values()), lora.layers)
    return _grid_order(connected, own, request), _base(request, taken, prompts)


def _without_skipped(request: ComparisonRequest) -> tuple[ComparisonRequest, list[str]]:
    """Return the prompts without those that are skipped, and the request without the control pictures that go with them."""
    lines = lists.marked(request.settings.prompts, commas=False, field="prompts")
    shown = request.shown
    if len(shown) == len(lines) > 1:
        shown = [pictures for pictures, line in zip(shown, lines, strict=True) if not line.skipped]
    return replace(request, shown=shown), [line.text for line in lines if not line.skipped]


def _with_epochs(axis: Axis | None, run: Run | None, settings: CompareSettings) -> Axis | None:
    """Return the axis with the run's checkpoints as its values, where it asks for them."""
    if axis is None or axis.epochs is None:
        return axis
    if run is None:
        raise AthanorError(
            "an axis 'checkpoint of the run' needs a run: connect one to XYZ Compare, or use LoRA Run Axis."
        )
    return epochs.axis(runs.of_run(run), axis.epochs or "all", settings.include_base, field="values")


def _own_axes(request: ComparisonRequest, taken: set[str], prompts: Sequence[str]) -> dict[str, Axis]:
    """Return the axes that widgets make of what no connected axis changes."""
    settings, run = request.settings, request.run
    own: dict[str, Axis] = {}
    low = request.expert.run if request.expert else None
    if low is not None and "lora" in taken:
        raise AthanorError("run_low is paired with run: leave axes of LoRAs out, or disconnect run_low.")
    if first := (run or low) if "lora" not in taken else None:
        axis = epochs.axis(runs.of_run(first), settings.checkpoints, settings.include_base, field="checkpoints")
        own["checkpoint"] = experts.paired(axis, run, low) if low else axis
    strengths = grammar.numbers(settings.strengths, "strengths")
    if ("lora" in taken or run or low) and not taken & {"strength_model", "strength_clip"}:
        both = ("strength_model", "strength_clip")
        values = (Value(grammar.plain(s), tuple((name, float(s)) for name in both)) for s in lists.once(strengths))
        own["strength"] = Axis("LoRA strength", tuple(values), skipped=lists.skipped(settings.strengths))
    if "positive" not in taken:
        if not prompts:
            raise AthanorError(
                "prompts is empty, and there is no run with captions: write at least one prompt, one a line."
            )
        values = control_pictures.prompt_values(lists.once(prompts), request.shown)
        own["prompt"] = Axis("prompt", tuple(values), skipped=lists.skipped(settings.prompts, commas=False))
    if "seed" not in taken:
        values = readers.seed_values(lists.once(grammar.seeds(settings.seeds, "seeds")))
        own["seed"] = Axis("seed", tuple(values), skipped=lists.skipped(settings.seeds))
    return own


def _base(request: ComparisonRequest, taken: set[str], prompts: Sequence[str]) -> Cell:
    """Return the cell as the widgets have it, before axes change it."""
    settings = request.settings
    width, height = settings.width, settings.height
    if request.latent is not None:
        if taken & {"width", "height"}:
            raise AthanorError("the size comes from the connected latent: leave the axis 'size' out, or the latent.")
        width, height = sampling.size_of(request.latent, request.models[2])
    return Cell(
        positive=prompts[0] if prompts else "",
        negative=settings.negative,
        seed=0,
        steps=settings.steps,
        cfg=settings.cfg,
        sampler=request.sampler,
        scheduler=request.scheduler,
        denoise=settings.denoise,
        width=width,
        height=height,
        boundary=request.expert.boundary if request.expert else None,
        controls=tuple(picture.key for picture in request.shown[0]) if request.shown else (),
    )


def _grid_order(connected: Sequence[Axis | None], own: dict[str, Axis], request: ComparisonRequest) -> list[Axis]:
    """Columns, rows and blocks: what is connected keeps its place, the own axes fill the free ones.

    Axes of one value stay in the list (they set that value), behind those that vary.
    """
    x, y, *further = [*connected, None, None][: max(2, len(connected))]
    varying = [name for name in (request.columns, request.rows, *OWN_AXES) if name in own]
    varying = [name for name in dict.fromkeys(varying) if len(own[name].values) > 1]
    if x is None:
        wanted = request.columns if request.columns in varying else None
        others = [name for name in varying if name != request.rows or y is not None]
        name = wanted or next(iter(others), None)
        x = own[name] if name else None
        varying = [other for other in varying if other != name]
    if y is None:
        name = request.rows if request.rows in varying else next(iter(varying), None)
        y = own[name] if name else None
        varying = [other for other in varying if other != name]
    single_value = Axis("", (Value("", ()),))
    rest = [own[name] for name in OWN_AXES if name in varying]
    fixed = [axis for axis in own.values() if len(axis.values) == 1]
    return [x or single_value, y or single_value, *(axis for axis in further if axis), *rest, *fixed]
