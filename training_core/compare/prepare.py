"""From a node's inputs to a plan on disk: the one place where axes, run, models and folder meet."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import AthanorError
from ..history.handle import Run
from ..host import fingerprint, folders, sampling
from ..settings import CompareSettings
from . import document, epochs, grammar, runs, variants
from .axes import Axis, Value
from .cells import ENGINE, Cell, identity, varied
from .engine import Bench, Models, Told
from .labels import labels
from .plan import Plan, patches, plan, randoms
from .store import Store, known_seeds
from .upstream import Slot

PLACES = ("strength", "checkpoint", "prompt", "seed")
"""Axes that the widgets make by themselves."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks to compare."""

    settings: CompareSettings
    sampler: str
    scheduler: str
    columns: str
    rows: str
    models: Models
    run: Run | None = None
    axes: Sequence[Axis | None] = ()  # x, y, z and further ones; None: free
    latent: dict[str, Any] | None = None
    graph: Mapping[str, Any] = field(default_factory=dict)
    links: Mapping[str, list[Any]] = field(default_factory=dict)
    edge: Mapping[Slot, Any] = field(default_factory=dict)  # outputs of the graph that `variants.needed` has named


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan, and everything that is needed to draw it."""

    plan: Plan
    title: str
    keys: Mapping[Cell, str]
    store: Store
    document: Mapping[str, Any]  # plan.json
    bench: Bench
    told: Told

    def missing(self) -> list[Cell]:
        """What is still to be drawn, in sampling order."""
        there = self.store.take_over(self.keys.values())
        return [cell for cell in self.plan.order if self.keys[cell] not in there]

    def patches(self, missing: Sequence[Cell]) -> int:
        """How often LoRAs will be put on a model."""
        return patches(missing)


def check_widgets(settings: CompareSettings) -> None:
    """What can be read without models.

    Raises:
        AthanorError: strengths, seeds or the filter of checkpoints are wrong.
    """
    epochs.read_filter(settings.checkpoints)
    grammar.numbers(settings.strengths, "strengths")
    grammar.seeds(settings.seeds, "seeds")


def prepare(request: Request, root: Path) -> Prepared:
    """Check everything and plan; nothing is sampled or written yet.

    Args:
        root: the folder of all comparisons.

    Raises:
        AthanorError: an axis, a prompt or a name is wrong.
    """
    model, clip, vae = request.models
    for name, value in (("model", model), ("clip", clip), ("vae", vae)):
        if value is None:
            raise AthanorError(f"{name} is missing: this checkpoint has none; connect a loader that has it.")
    axes, base, strength = arrange(request)
    contents = {"model:": fingerprint.diffusion_model(model) + fingerprint.text_encoder(clip)}
    contents["vae:"] = fingerprint.autoencoder(vae)
    if request.latent is not None:
        contents["latent"] = fingerprint.latent(request.latent)
    family = hashlib.sha256(f"{ENGINE} {contents['model:']}".encode()).hexdigest()[:16]
    drawn = known_seeds(root, family) if randoms(axes, base) else {}
    seeds = {number: drawn.get(number, secrets.randbelow(2**53)) for number in randoms(axes, base)}
    whole = plan(axes, base, strength, seeds)
    _check_shift(whole, model)
    ports = {"model": model, "clip": clip, "vae": vae, "latent": request.latent}
    nodes = variants.varied_nodes(axes)
    parts = variants.Variants(dict(request.graph), request.links, ports, nodes, request.edge)
    whole, starts = _started(whole, parts, vae)
    contents |= _files(whole)
    contents |= _varied(whole, parts, contents)
    contents |= {varied("latent", puts): fingerprint.latent(latent) for puts, latent in starts.items()}
    for key in [name for name in contents if name.startswith("model:input:")]:
        contents[key] += contents["model:"]  # what such a model lacks, it takes from here
    keys = {cell: identity(cell, contents) for cell in whole.order}
    named = tuple(map(labels, whole.axes))
    title = document.title(request.run.name if request.run else "", whole, named)
    files = {name.partition(":")[2]: content for name, content in contents.items() if name.startswith("lora:")}
    written = document.document(whole, named, keys, title, seeds, family, files, request.graph)
    name = re.sub(r"[^\w.-]+", "_", request.run.name if request.run else "compare").strip("._")[:60]
    digest = hashlib.sha256(json.dumps([written["cells"], written["axes"]], sort_keys=True).encode()).hexdigest()[:12]
    store = Store(root / f"{name or 'compare'}-{digest}")
    held = {one.key: one for axis in request.axes if axis for one in axis.held}
    links = dict(request.links)
    for key, one in held.items():
        links |= {f"{key}:{port}": link for port, link in one.links.items()}
    told = Told(request.graph, links, document.places(whole), family)
    filled = {
        key: tuple(b if a is None else a for a, b in zip(one.models, request.models, strict=True))
        for key, one in held.items()
    }
    bench = Bench(request.models, filled, request.latent, parts, starts)
    return Prepared(whole, title, keys, store, written, bench, told)


def arrange(request: Request) -> tuple[list[Axis], Cell, tuple[float, float]]:
    """All axes in their places, and what they vary: connected ones first, then those that the widgets make."""
    settings, run = request.settings, request.run
    connected = [_with_epochs(axis, run, settings) for axis in request.axes]
    connected = variants.placed(connected, request.graph, request.links)
    taken = {f for axis in connected if axis for f in axis.fields}
    implied: dict[str, Axis] = {}
    if run is not None and "lora" not in taken:
        implied["checkpoint"] = epochs.axis(runs.of_run(run), settings.checkpoints, settings.include_base)
    strengths = grammar.numbers(settings.strengths, "strengths")
    if ("lora" in taken or run is not None) and not taken & {"strength_model", "strength_clip"}:
        both = ("strength_model", "strength_clip")
        values = (Value(grammar.plain(s), tuple((f, float(s)) for f in both)) for s in strengths)
        implied["strength"] = Axis("LoRA strength", tuple(values))
    prompts = grammar.split(settings.prompts, commas=False) or list(run.captions if run else ())
    if "positive" not in taken:
        if not prompts:
            raise AthanorError(
                "prompts is empty, and there is no run with captions: write at least one prompt, one a line."
            )
        implied["prompt"] = Axis("prompt", tuple(Value(p, (("positive", p),)) for p in grammar.once(prompts)))
    if "seed" not in taken:
        seeds = grammar.seeds(settings.seeds, "seeds")
        words = [f"random {s.number}" if isinstance(s, grammar.Random) else str(s) for s in seeds]
        implied["seed"] = Axis("seed", tuple(Value(w, (("seed", s),)) for w, s in zip(words, seeds, strict=True)))
    width, height = settings.width, settings.height
    if request.latent is not None:
        if taken & {"width", "height"}:
            raise AthanorError("the size comes from the connected latent: leave the axis 'size' out, or the latent.")
        width, height = sampling.size_of(request.latent, request.models[2])
    base = Cell(
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
    )
    return _placed(connected, implied, request), base, (1.0, 1.0)


def _with_epochs(axis: Axis | None, run: Run | None, settings: CompareSettings) -> Axis | None:
    if axis is None or axis.epochs is None:
        return axis
    if run is None:
        raise AthanorError(
            "an axis 'checkpoint of the run' needs a run: connect one to XYZ Compare, or use LoRA Run Axis."
        )
    return epochs.axis(runs.of_run(run), axis.epochs or "all", settings.include_base)


def _placed(connected: Sequence[Axis | None], implied: dict[str, Axis], request: Request) -> list[Axis]:
    """Columns, rows and blocks: what is connected keeps its place, the widgets' axes fill the free ones.

    Axes of one value stay in the list (they set that value), behind those that vary.
    """
    x, y, *further = [*connected, None, None][: max(2, len(connected))]
    varying = [name for name in (request.columns, request.rows, *PLACES) if name in implied]
    varying = [name for name in dict.fromkeys(varying) if len(implied[name].values) > 1]
    if x is None:
        wanted = request.columns if request.columns in varying else None
        others = [name for name in varying if name != request.rows or y is not None]
        name = wanted or next(iter(others), None)
        x = implied[name] if name else None
        varying = [other for other in varying if other != name]
    if y is None:
        name = request.rows if request.rows in varying else next(iter(varying), None)
        y = implied[name] if name else None
        varying = [other for other in varying if other != name]
    one = Axis("", (Value("", ()),))
    rest = [implied[name] for name in PLACES if name in varying]
    single = [axis for axis in implied.values() if len(axis.values) == 1]
    return [x or one, y or one, *(axis for axis in further if axis), *rest, *single]


def _check_shift(whole: Plan, model: Any) -> None:
    shifts = {(c.shift, c.width, c.height) for c in whole.order if c.shift is not None and not c.model}
    for shift in shifts:
        sampling.shift_node(model, *shift)


def _started(whole: Plan, parts: variants.Variants, vae: Any) -> tuple[Plan, dict[variants.Puts, Any]]:
    """The plan with the sizes of the latents that widgets change, and these latents."""
    starts = {puts: parts.latent(puts) for puts in dict.fromkeys(cell.start for cell in whole.order) if puts}
    sizes = {puts: dict(zip(("width", "height"), sampling.size_of(x, vae), strict=True)) for puts, x in starts.items()}
    cells = tuple(replace(cell, **sizes[cell.start]) if cell.start else cell for cell in whole.cells)
    return Plan(whole.axes, cells), starts


def _varied(whole: Plan, parts: variants.Variants, contents: Mapping[str, str]) -> dict[str, str]:
    """Content of the models that come out of the graph where widgets have other values."""
    found = {}
    connected = {"model": contents["model:"][:64], "clip": contents["model:"][64:], "vae": contents["vae:"]}
    for cell in whole.order:
        if not cell.widgets or varied(f"vae:{cell.vae}", cell.widgets) in found:
            continue
        if cell.model:
            named = " and ".join(a.title for a in whole.axes if a.fields & {"model", "widget"})
            raise AthanorError(f"the axes {named} both set the model: leave one out.")
        for kind, ports in (("model:", ("model", "clip")), ("vae:", ("vae",))):
            content = [parts.content(cell.widgets, port) or connected[port] for port in ports]
            found[varied(kind, cell.widgets)] = "".join(content)
        if cell.vae:
            found[varied(f"vae:{cell.vae}", cell.widgets)] = contents[f"vae:{cell.vae}"]
    return found


def _files(whole: Plan) -> dict[str, str]:
    """Content of the files that cells name.

    Raises:
        AthanorError: one is not there.
    """
    found = {}
    for cell in whole.order:
        for lora in cell.loras:
            if f"lora:{lora.name}" not in found:
                found[f"lora:{lora.name}"] = fingerprint.file(folders.trained_file(lora.name)[1])
        for kind, group, name in (("model", "checkpoints", cell.model), ("vae", "vae", cell.vae)):
            if name and f"{kind}:{name}" not in found:
                path = None if name.startswith("input:") else folders.model_file(group, name)
                found[f"{kind}:{name}"] = fingerprint.file(path) if path else name
    return found
