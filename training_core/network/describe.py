"""What LoRA Info says of a file, as text: everything in it is another's, and may be of any form."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from .. import lora_blocks
from ..byte_size import format_bytes
from ..errors import shortened
from ..json_text import parse_json
from ..text_files import whole_characters
from ..wording import first_few
from . import damage, recover
from .disclosures import disclosures
from .info import Layer, LoraInfo
from .metadata_choice import EDIT, JOB, TRAINED

_MOST_MISSING = 12
"""Settings that are named as missing in a file; most files lack most of them."""
JOBS = (JOB, TRAINED)
"""Fields that hold whole settings; they are shown as settings, not as metadata."""


def summary(lora: LoraInfo, recovered: recover.Recovered, fit: str = "") -> str:
    """Return the algorithm, size and parts of a LoRA file, what is broken, its settings, and what of them is not known.

    What there is nothing to say of has no line.

    Args:
        fit: a sentence on how much of it ComfyUI applies; '' for none.
    """
    lines = [f"{lora.name}: {lora.algo}, {format_bytes(lora.size)}, {lora.dtype}"]
    base = lora.metadata.get("ss_base_model_version") or lora.metadata.get("modelspec.architecture") or ""
    told_base = [shortened(text, 120) for text in (base, lora.metadata.get("ss_sd_model_name", "")) if text]
    lines += [f"base model: {' '.join(told_base)}"] if told_base else []
    blocks = lora_blocks.words(layer.name for layer in lora.layers)
    lines += [
        *_made_of(lora.metadata),
        *_parts(lora.layers),
        *([f"blocks: {shortened(blocks, 400)}"] if blocks != "other" else []),
    ]
    lines += [*filter(None, [fit]), *_as_loaded(lora.layers)]
    lines += [f"broken: {sentence}" for sentence in damage.in_words((x.name, x.damage) for x in lora.layers)]
    if lora.embeddings:
        lines.append(f"{len(lora.embeddings)} bundled embeddings: {shortened(', '.join(lora.embeddings[:5]), 120)}")
    if lora.strange:
        lines.append(f"{len(lora.strange)} unknown keys: {', '.join(shortened(key, 120) for key in lora.strange[:3])}")
    changed = {kind.__name__.removesuffix("Settings"): recover.words(s) for kind, s in recovered.groups.items()}
    groups = [f"{name}: {words}" for name, words in changed.items() if words]
    lines += ["", "settings that are not the defaults:", *groups] if groups else []
    for title, words in (
        ("read from the layers", ", ".join(recovered.from_layers)),
        ("trained with other values than asked for", "; ".join(recovered.otherwise)),
        ("not in the file", _missing(lora, recovered)),
        ("in the file, but not supported", "; ".join(recovered.refused)),
    ):
        lines += ["", f"{title}: {words}"] if words else []
    told = [f"{kind}: {shortened(text, 160)}" for kind, text in disclosures(lora.metadata)]
    lines += ["", "what it tells besides, to whoever has the file:", *told] if told else []
    return whole_characters("\n".join(lines))


def _weight(source: Mapping[str, Any]) -> list[str]:
    """Return how strongly a file went into another: its weight, that of its text encoder if it is another one, and its blocks."""
    words = [shortened(source.get("weight", ""), 12)]
    words += [f"text encoder {shortened(source['text_encoder'], 12)}"] if "text_encoder" in source else []
    return words + ([f"blocks {shortened(source['blocks'], 60)}"] if source.get("blocks") else [])


def _made_of(metadata: Mapping[str, str]) -> list[str]:
    """Return one sentence on what LoRA Edit or LoRA Extract has made a file of, and how near it is; none for other files."""
    recipe = parse_json(metadata.get(EDIT, ""))
    if not isinstance(recipe, dict):
        return []
    sources = recipe.get("from")
    if isinstance(sources, list):
        files = [source for source in sources if isinstance(source, dict)]
        said = [f"{shortened(file.get('file', ''))} ({', '.join(_weight(file))})" for file in files]
        of = "made of " + first_few(said, 6)
    else:
        sides = (recipe.get(side) for side in ("tuned", "base"))
        names = [shortened(side.get("model") or "a model") for side in sides if isinstance(side, dict)]
        of = "the difference of " + " and ".join(names)
    check = recipe.get("check")
    error = check.get("difference") if isinstance(check, dict) else None
    share = float(error) if isinstance(error, int | float) and 1e-6 < error < 1e6 else 0.0
    near = f", which it differs from by {100 * share:.2g} %" if share else ""
    return [f"{of}{near}"]


def _missing(lora: LoraInfo, recovered: recover.Recovered) -> str:
    """Return which settings the file does not tell, the first of them by name; '' if it tells all."""
    missing = recovered.missing
    if missing and all(key.startswith(("modelspec.", "sshs_", "format")) for key in lora.metadata):
        return "any setting of its training; the metadata was taken out, or never there"
    return first_few(missing, _MOST_MISSING)


def _as_loaded(layers: Sequence[Layer]) -> list[str]:
    """Return one sentence for each thing in PEFT's files that the host's loader does not look at."""
    lines = []
    factors = Counter(
        layer.rank / layer.alpha
        for layer in layers
        if layer.alpha_apart and layer.rank and layer.alpha not in (None, 0, layer.rank)
    )
    if factors:
        factor, most = factors.most_common(1)[0]
        lines.append(
            f"alpha stands in lora_adapter_metadata alone, which ComfyUI's Load LoRA ignores: there {most} of {len(layers)} layers are "
            f"{factor:.3g} times as strong as trained, which a strength of {1 / factor:.3g} makes up for."
        )
    norms = sum(layer.magnitude for layer in layers)
    if norms:
        lines.append(
            f"DoRA magnitudes in PEFT's form (lora_magnitude_vector) of {norms} layers: ComfyUI's Load LoRA leaves them out."
        )
    return lines


def metadata(fields: Mapping[str, Any]) -> str:
    """Return every field of the metadata, one per line; those that hold whole jobs are shown as settings elsewhere."""
    lines = [f"{key}: {value}" for key, value in sorted(fields.items()) if key not in JOBS]
    return whole_characters("\n".join(lines)) or "no metadata"


def _parts(layers: Sequence[Layer]) -> list[str]:
    """Return one line per part of the model: number of layers and parameters, ranks and alphas."""
    parts: dict[str, list[Layer]] = defaultdict(list)
    for layer in layers:
        parts[layer.part].append(layer)
    lines = []
    for part, members in sorted(parts.items()):
        ranks = Counter(layer.rank for layer in members if layer.rank)
        alphas = Counter(f"{layer.alpha:g}" for layer in members if layer.alpha is not None)
        lines.append(
            f"{part}: {len(members)} layers, {_millions(sum(layer.numbers for layer in members))} numbers"
            + (f", rank {_some(ranks)}" if ranks else "")
            + (f", alpha {_some(alphas)}" if alphas else "")
        )
    return lines


def _millions(number: int) -> str:
    """Return a number in millions, a small one as it is."""
    return f"{number / 1e6:.2f} M" if number >= 10_000 else str(number)


def _some(counts: Counter[Any]) -> str:
    """Return the four most frequent values, with their counts if there are several."""
    return ", ".join(f"{value}" + (f" ({n})" if len(counts) > 1 else "") for value, n in counts.most_common(4))


def tags(fields: Mapping[str, Any]) -> str:
    """Return the tags of each training folder with their counts, most frequent first, one per line.

    Trainers write a number for each tag of each folder; some write it as text, or the tags of all folders together. What
    is no number is shown as it is.
    """
    frequency = fields.get("ss_tag_frequency")
    if not isinstance(frequency, dict):
        return "no tag frequency"
    of_folders = {name: counts for name, counts in frequency.items() if isinstance(counts, dict)}
    alone = {name: count for name, count in frequency.items() if not isinstance(count, dict)}
    lines = []
    for folder, counts in (of_folders | ({"": alone} if alone else {})).items():
        lines += [folder] if folder else []
        ordered = sorted(counts.items(), key=lambda item: (-_count(item[1]), item[0]))
        lines += [f"{shortened(count, 40):>6}  {tag}" for tag, count in ordered]
    return whole_characters("\n".join(lines))


def _count(value: Any) -> float:
    """Return how often a tag occurs, by what stands behind it in a file; 0 for what is no number."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0
