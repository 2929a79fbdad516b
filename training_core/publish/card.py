"""The description of a published LoRA in Markdown, as one pastes it into the page of a model (pure).

It is made of the metadata of the copy, so it tells nothing that the file does not tell, beside strengths and pictures.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import shortened
from ..json_text import parse_json
from .wanted import NOTHING, known_texts

_LONGEST = 200  # characters of a value in the table
_MARKS = re.compile(r"([\\`*\[\]<>|#]|(?<!\w)_|_(?!\w))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture beside the description: its file, and what it shows in a few words."""

    file: str
    kind: str  # grid, sample, curve
    label: str


def markdown(metadata: Mapping[str, str], file: str, strengths: Sequence[float], pictures: Sequence[Shown]) -> str:
    """Return the description: title, author, text, trigger words, a table, how to use it, and pictures.

    Args:
        metadata: of the copy.
        file: its name.
        strengths: of the pictures that were starred in comparisons of it.
        pictures: files beside it.
    """
    texts = known_texts(metadata)
    title = _plain(texts["title"]) or _plain(file.rpartition(".")[0])
    triggers = ", ".join(f"`{word}`" for word in _triggers(texts["trigger"]))
    parts = [
        f"# {title}",
        f"by {_plain(texts['author'])}" if texts["author"] else "",
        texts["description"].strip(),
        f"**Trigger words:** {triggers}" if triggers else "",
        *(_picture(picture) for picture in pictures if picture.kind == "grid"),
        _table(
            [*_rows(metadata, file, strengths), ("Licence", _plain(texts["license"])), ("Tags", _plain(texts["tags"]))]
        ),
        _use(metadata, file, strengths, triggers),
    ]
    samples = [picture for picture in pictures if picture.kind == "sample"]
    curves = [picture for picture in pictures if picture.kind == "curve"]
    parts += ["## Samples", *map(_picture, samples)] if samples else []
    parts += ["## Training", *map(_picture, curves)] if curves else []
    return "\n\n".join(filter(None, parts)) + "\n"


def strength_words(strengths: Sequence[float]) -> str:
    """Return strengths as a number or a range: "0.8", "0.7 to 1"; '' for none."""
    low, high = min(strengths, default=0.0), max(strengths, default=0.0)
    return "" if not strengths else f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _rows(metadata: Mapping[str, str], file: str, strengths: Sequence[float]) -> list[tuple[str, str]]:
    """Return (name, value) of each line of the table that the metadata has something to say about."""

    def get(key: str) -> str:
        return "" if metadata.get(key, "") in NOTHING else _plain(metadata[key])

    kind = get("modelspec.architecture").partition("/")[0] or get("ss_base_model_version")
    model = get("ss_sd_model_name")
    pictures = get("ss_num_train_images") if get("ss_num_train_images") != "0" else ""  # of an epoch: counts repeats
    return [
        ("Base model", f"{kind} ({model})" if kind and model else kind or model),
        ("File", f"`{file}`"),
        ("Recommended strength", strength_words(strengths)),
        ("Network", _network(metadata)),
        ("Training", _counts([(get("ss_epoch"), "epoch"), (get("ss_steps"), "step"), (_batch(metadata), "")])),
        ("Learning rate", _rates(metadata)),
        ("Optimizer", ", ".join(filter(None, [_optimizer(get("ss_optimizer")), get("ss_lr_scheduler")]))),
        ("Resolution", _resolution(metadata)),
        ("Pictures", str(_pictures(metadata) or pictures)),
    ]


def _pictures(metadata: Mapping[str, str]) -> int:
    """Return how many pictures the folders hold, each counted once; 0 if that is not told."""
    folders = parse_json(metadata.get("ss_dataset_dirs", ""))
    rows = folders.values() if isinstance(folders, dict) else []
    counts = [row.get("img_count") for row in rows if isinstance(row, dict)]
    return sum(count for count in counts if isinstance(count, int) and 0 < count < 10**9)


def _network(metadata: Mapping[str, str]) -> str:
    """Return the kind of network with its rank and alpha: "LoRA, rank 16, alpha 8"."""
    arguments = metadata.get("ss_network_args", "")
    algo = re.search(r'"algo": "([\w-]{1,20})"', arguments)
    kind = {"networks.lora": "LoRA"}.get(metadata.get("ss_network_module", ""), "")
    kind = {"lora": "LoRA", "locon": "LoCon", "loha": "LoHa", "lokr": "LoKr"}.get(algo[1], algo[1]) if algo else kind
    rank, alpha = _number(metadata.get("ss_network_dim", "")), _number(metadata.get("ss_network_alpha", ""))
    return ", ".join(filter(None, [kind, rank and f"rank {rank}", alpha and f"alpha {alpha}"]))


def _batch(metadata: Mapping[str, str]) -> str:
    size = _number(metadata.get("ss_total_batch_size", ""))
    return f"batch size {size}" if size else ""


def _counts(counts: Sequence[tuple[str, str]]) -> str:
    """Return "10 epochs, 1,200 steps"; a count without a noun is written as it is."""
    words = []
    for text, noun in counts:
        if not noun:
            words.append(text)
        elif (number := _number(text)) and number != "0":
            words.append(f"{int(number):,} {noun}{'' if number == '1' else 's'}" if number.isdecimal() else "")
    return ", ".join(filter(None, words))


def _rates(metadata: Mapping[str, str]) -> str:
    """Return the learning rate; with those of the parts where they differ from it."""
    rate = _number(metadata.get("ss_learning_rate", ""))
    parts = [
        (_number(metadata.get(key, "")), name)
        for key, name in (("ss_unet_lr", "U-Net"), ("ss_text_encoder_lr", "text encoder"))
    ]
    words = [f"{value} ({name})" for value, name in parts if value and value != rate]
    return ", ".join(filter(None, [rate, *words]))


def _resolution(metadata: Mapping[str, str]) -> str:
    """Return the resolution as 1024x1024, from ModelSpec's field or sd-scripts' tuple."""
    text = metadata.get("modelspec.resolution", "") or metadata.get("ss_resolution", "")
    sides = re.fullmatch(r"\(?(\d{1,6})\s*[x,]\s*(\d{1,6})\)?", text.strip())
    return f"{sides[1]}x{sides[2]}" if sides else ""


def _optimizer(text: str) -> str:
    """Return "AdamW" of "torch.optim.adamw.AdamW(weight_decay=0.01)": the class alone."""
    return text.partition("(")[0].rpartition(".")[2]


def _number(text: str) -> str:
    """Return a number of the metadata in its shortest form; '' for what is none, and for a list of rates what it holds."""
    try:
        number = float(text)
        return (str(int(text[:15])) if text.isdecimal() else f"{number:g}") if math.isfinite(number) else ""
    except ValueError:
        pass
    try:
        values = ast.literal_eval(text) if text[:1] == "[" and len(text) < _LONGEST else []
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ""
    return ", ".join(f"{value:g}" for value in values if isinstance(value, (int, float)))


def _use(metadata: Mapping[str, str], file: str, strengths: Sequence[float], triggers: str) -> str:
    """Return how a LoRA is used in a sentence; '' for a whole model."""
    architecture = metadata.get("modelspec.architecture", "/lora")
    if "/lora" not in architecture:
        return ""
    strength = strength_words(strengths)
    load = "load it with *Load LoRA*" + (f" at strength {strength}" if strength else "")
    words = f", and write {triggers} into the prompt" if triggers else ""
    return f"## Use\n\nPut `{file}` into `ComfyUI/models/loras`, {load}{words}."


def _triggers(text: str) -> list[str]:
    """Return the trigger words, which commas part, without signs that end a code span."""
    words = (re.sub(r"[`\s]+", " ", word).strip() for word in text.split(","))
    return [shortened(word, _LONGEST) for word in words if word]


def _table(rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows if value]
    return "\n".join(["| | |", "|---|---|", *lines])


def _picture(picture: Shown) -> str:
    return f"![{_plain(picture.label)}]({picture.file.replace(' ', '%20')})"


def _plain(text: str) -> str:
    """Return a text on one line in which Markdown finds no marks of its own."""
    return _MARKS.sub(r"\\\1", shortened(text.strip(), _LONGEST))
