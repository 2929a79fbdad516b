"""From a request to a plan and all that is needed to draw it; nothing is sampled or written here."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import AthanorError
from ..host import disabled, fingerprint, folders, lora, sampling, usable
from . import block_axes, document, experts, variants
from .axes import Axis, GraphModels
from .cells import MODEL_LOW, Cell
from .engine import CellPainter, PngMetadata
from .graph_metadata import graph_to_save
from .identity import ENGINE, content_name, identity
from .labels import labels
from .model_cache import ModelCache, Models
from .plan import Plan, plan, randoms
from .request import ComparisonRequest, resolve_axes
from .stock import patch_nodes
from .store import PictureStore, known_seeds

STRENGTH = (1.0, 1.0)
"""Of LoRAs for which no axis gives one: for the model, and for the text encoder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedComparison:
    """A plan, and everything that is needed to draw it."""

    plan: Plan
    title: str
    document: Mapping[str, Any]  # plan.json
    painter: CellPainter

    @property
    def keys(self) -> Mapping[Cell, str]:
        """The identity of each cell of the plan."""
        return self.painter.keys

    @property
    def store(self) -> PictureStore:
        """The folder of the comparison."""
        return self.painter.store

    def missing(self) -> list[Cell]:
        """Return the cells whose pictures lie in no comparison's folder yet, in sampling order."""
        there = self.store.available(self.keys.values())
        return [cell for cell in self.plan.order if self.keys[cell] not in there]


def prepare(request: ComparisonRequest, root: Path) -> PreparedComparison:
    """Check everything and plan.

    Args:
        root: the folder of all comparisons.

    Raises:
        AthanorError: an axis, a prompt or a name is wrong.
    """
    model, clip, vae = request.models
    usable.check(model, clip, vae)
    axes, base = resolve_axes(request)
    contents = {"model:": fingerprint.diffusion_model(model) + fingerprint.text_encoder(clip)}
    contents["vae:"] = fingerprint.autoencoder(vae)
    if request.expert is not None:
        experts.check(request.expert, model)
        variants.check_untouched(request.graph, request.links, axes, MODEL_LOW)
        contents[MODEL_LOW] = fingerprint.diffusion_model(request.expert.model)
    for port in request.controls:
        variants.check_untouched(request.graph, request.links, axes, port)
    if request.latent is not None:
        contents["latent"] = fingerprint.latent(request.latent)
    family = hashlib.sha256(f"{ENGINE} {contents['model:']}".encode()).hexdigest()[:16]
    seeds = _draw_seeds(randoms(axes, base), root, family)
    whole = plan(axes, base, STRENGTH, seeds)
    _check_patches(whole, model)
    unknown = block_axes.check(whole.order, lora.layers)
    parts = _variants(request, axes)
    whole, starts = _with_starts(whole, parts, vae)
    contents |= _contents(whole, parts, contents)
    contents |= {content_name("latent", edits): fingerprint.latent(latent) for edits, latent in starts.items()}
    keys = {cell: identity(cell, contents) for cell in whole.order}

    run = request.run.name if request.run else ""
    named = tuple(map(labels, whole.axes))
    title = document.title(run, whole, named)
    written = document.document(
        whole,
        named,
        title=title,
        keys=keys,
        seeds=seeds,
        family=family,
        loras={name.partition(":")[2]: content for name, content in contents.items() if name.startswith("lora:")},
        # A comparison's folder is made to be passed on.
        graph=disabled.in_picture(graph_to_save(request.graph, request.graph)),
        node=request.node,
    )
    models = _model_cache(request, parts, starts)
    models.warnings |= dict.fromkeys([*(note for axis in axes for note in axis.notes), *unknown])
    if request.run and request.run.on_pairs and not request.controls:
        said = f"{request.run.name} was trained to change pictures, and no picture was given: connect one to control_1."
        models.warnings[said] = None
    # The connected model is at hand: whether it takes control pictures is told before the first picture.
    for cell in whole.order:
        if not cell.model and not cell.widgets:
            models.shown(cell)
    painter = CellPainter(
        keys=keys,
        models=models,
        store=PictureStore(root / _folder_name(run, written)),
        metadata=_png_metadata(request, whole, family),
    )
    return PreparedComparison(plan=whole, title=title, document=written, painter=painter)


def _model_cache(
    request: ComparisonRequest, parts: variants.Variants, starts: Mapping[variants.WidgetEdits, Any]
) -> ModelCache:
    return ModelCache(
        connected=request.models,
        low=request.expert.model if request.expert else None,
        graph_models={each.key: _completed(each, request.models) for each in _graph_models(request)},
        latent=request.latent,
        variants=parts,
        starts=starts,
        pictures={picture.key: picture for pictures in request.shown for picture in pictures},
        inputs=request.controls,
    )


def _png_metadata(request: ComparisonRequest, whole: Plan, family: str) -> PngMetadata:
    links = {f"{each.key}:{port}": link for each in _graph_models(request) for port, link in each.links.items()}
    return PngMetadata(
        graph=request.graph,
        links={**request.links, **links},
        labels=document.labels_of_cells(whole),
        model=family,
    )


def _graph_models(request: ComparisonRequest) -> list[GraphModels]:
    return [each for axis in request.axes if axis for each in axis.graph_models]


def _draw_seeds(numbers: Sequence[int], root: Path, family: str) -> dict[int, int]:
    """Return a seed for each random one: that of earlier comparisons with this model, so that they can be extended."""
    drawn = known_seeds(root, family) if numbers else {}
    return {number: drawn.get(number, secrets.randbelow(2**53)) for number in numbers}


def _check_patches(whole: Plan, model: Any) -> None:
    """Fail before the first picture where a field means nothing for the connected model, or it has no such sizes."""
    own = [cell for cell in whole.order if not cell.model]
    for cell in own:
        patch_nodes(cell, model)
    usable.check_sides(model, [(cell.width, cell.height) for cell in own], "Correct the sizes in XYZ Compare.")


def _variants(request: ComparisonRequest, axes: Sequence[Axis]) -> variants.Variants:
    ports = dict(zip(variants.MODELS, request.models, strict=True))
    return variants.Variants(
        dict(request.graph),
        request.links,
        connected={**ports, "latent": request.latent},
        nodes=variants.varied_nodes(axes),
        outputs=request.edge,
    )


def _with_starts(whole: Plan, parts: variants.Variants, vae: Any) -> tuple[Plan, dict[variants.WidgetEdits, Any]]:
    """Return the plan with the sizes of the latents that widgets change, and these latents."""
    starts = {e: parts.latent(e) for e in dict.fromkeys(cell.start for cell in whole.order) if e}
    sizes = {e: dict(zip(("width", "height"), sampling.size_of(x, vae), strict=True)) for e, x in starts.items()}
    cells = tuple(replace(cell, **sizes[cell.start]) if cell.start else cell for cell in whole.cells)
    return Plan(whole.axes, cells), starts


def _contents(whole: Plan, parts: variants.Variants, connected: Mapping[str, str]) -> dict[str, str]:
    """Digests of all that cells name besides what is connected."""
    files = _files(whole)
    for key in [name for name in files if name.startswith("model:input:")]:
        files[key] += connected["model:"]  # what such a model lacks, it takes from there
    return files | _varied(whole, parts, {**connected, **files})


def _varied(whole: Plan, parts: variants.Variants, contents: Mapping[str, str]) -> dict[str, str]:
    """Digests of the models that come out of the graph where widgets have other values."""
    result: dict[str, str] = {}
    connected = {"model": contents["model:"][:64], "clip": contents["model:"][64:], "vae": contents["vae:"]}
    for cell in whole.order:
        if not cell.widgets or content_name(f"vae:{cell.vae}", cell.widgets) in result:
            continue
        if cell.model:
            named = " and ".join(a.title for a in whole.axes if a.fields & {"model", "widget"})
            raise AthanorError(f"the axes {named} both set the model: leave one out.")
        for kind, ports in (("model:", ("model", "clip")), ("vae:", ("vae",))):
            content = [parts.content(cell.widgets, port) or connected[port] for port in ports]
            result[content_name(kind, cell.widgets)] = "".join(content)
        if cell.vae:
            result[content_name(f"vae:{cell.vae}", cell.widgets)] = contents[f"vae:{cell.vae}"]
    return result


def _files(whole: Plan) -> dict[str, str]:
    """Digests of the files that cells name, and the keys of models of the graph.

    Raises:
        AthanorError: a file is not there.
    """
    result: dict[str, str] = {}
    for cell in whole.order:
        for each in (*cell.loras, *cell.loras_low):
            if f"lora:{each.name}" not in result:
                result[f"lora:{each.name}"] = fingerprint.file(folders.trained_file(each.name)[1])
        for kind, group, name in (("model", "checkpoints", cell.model), ("vae", "vae", cell.vae)):
            if name and f"{kind}:{name}" not in result:
                path = None if name.startswith("input:") else folders.model_file(group, name)
                result[f"{kind}:{name}"] = fingerprint.file(path) if path else name
    return result


def _completed(each: GraphModels, connected: Models) -> Models:
    """Models of the graph; what is not connected there, from XYZ Compare's own inputs."""
    own = usable.usable_models(*each.models)
    model, clip, vae = (one if one is not None else other for one, other in zip(own, connected, strict=True))
    return model, clip, vae


def _folder_name(run: str, written: Mapping[str, Any]) -> str:
    """Return the run's name, and a digest by which the same comparison finds its folder again."""
    name = re.sub(r"[^\w.-]+", "_", run or "compare").strip("._")[:60]
    digest = hashlib.sha256(json.dumps([written["cells"], written["axes"]], sort_keys=True).encode()).hexdigest()[:12]
    return f"{name or 'compare'}-{digest}"
