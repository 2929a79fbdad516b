"""A LoRA file, of which the header is enough, or its metadata as people post it -> what was trained, and how (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...errors import AthanorError
from ...json_text import parse_json
from ...network.metadata_keys import SAME_AS
from ..document import Document
from ..form import Form
from ..rules import Contents, Entry
from . import lora_datasets
from .lora_header import Header, as_texts, header, of_layers
from .lora_reasons import NOT_USED
from .lora_words import LORA_FILE, WORDS

_LEAST = 3
"""Fields of sd-scripts that make a text one of these, not a file that happens to name one."""
_LINE = re.compile(r"^\W*(ss_\w+|sshs_\w+|modelspec\.\w+)\W*?[:=|\t ]\s*(.*?)[\s,|]*$")
_ORDER = {name: number for number, name in enumerate(WORDS)}


def _read_file(document: Document) -> Contents | None:
    """What the header of a safetensors file tells; AthanorError of one that tells nothing of its training."""
    found = header(document)
    if found is None:
        return None
    fields = [key for key in found.metadata if key.startswith("ss_")]
    if len(fields) < _LEAST:
        if not of_layers(found.shapes):
            raise AthanorError(
                f"{document.title} is no LoRA, and tells nothing of a training: choose a LoRA file or a recipe."
            )
        raise AthanorError(
            f"{document.title} is a LoRA that tells nothing of its training: its metadata has been removed, or its trainer wrote none. "
            "Import the recipe from where the file was published."
        )
    return _told(found)


def _read_dump(document: Document) -> Contents | None:
    """What a copy of such metadata tells: a JSON object, or lines such as 'ss_network_dim: 32'."""
    if header(document) is not None:
        return None
    metadata = _of_json(document.json) or _of_lines(document.text)
    return _told(Header(metadata=metadata, shapes={})) if metadata else None


def _of_json(value: Any) -> dict[str, str]:
    """Return the metadata in a JSON value: the object itself, or one inside of it as sites and tools wrap it."""
    for each in (value, *(value.values() if isinstance(value, dict) else ())):
        if isinstance(each, dict) and sum(str(key).startswith("ss_") for key in each) >= _LEAST:
            return as_texts(each)
    return {}


def _of_lines(text: str) -> dict[str, str]:
    """Return the fields of a text of which most lines are one; {} of any other text."""
    lines = [line for line in text.split("\n") if line.strip()]
    fields = {match[1]: match[2].strip("\"'`") for line in lines if (match := _LINE.match(line))}
    ours = sum(key.startswith("ss_") for key in fields)
    return fields if ours >= _LEAST and 2 * len(fields) > len(lines) else {}


def _told(found: Header) -> Contents:
    metadata = found.metadata
    members = _members(metadata)
    datasets, loaders = lora_datasets.given(metadata)
    names = {each.name for each in datasets}
    replaced = {name.partition(" ")[0] for name in names} | ({"ss_network_args"} if members else set())
    if "ss_dataset_dirs folder" in names:
        replaced.add("ss_reg_dataset_dirs")
    fields = [Entry(name=key, value=value) for key, value in metadata.items() if key not in replaced]
    fields.sort(key=lambda each: (_ORDER.get(each.name, len(_ORDER)), each.name))
    return Contents(entries=(*_of_the_network(found, members), *fields, *members, *datasets), datasets=loaders)


def _members(metadata: Mapping[str, str]) -> list[Entry]:
    """Return the network's arguments, each under the name of its setting's field."""
    found = parse_json(metadata.get("ss_network_args", ""))
    if not isinstance(found, dict):
        return []
    return [
        Entry(name=_member(str(name), value), shown=f"ss_network_args: {name}", value=_plain(value))
        for name, value in found.items()
    ]


def _member(name: str, value: Any) -> str:
    """Return what the words call a member: as in a command, or as the field that tells the same."""
    if value in (None, "None"):
        return NOT_USED
    return SAME_AS.get(name, f"ss_network_args {name}").replace("ss_network_args", "network_args")


def _plain(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list) else value


def _of_the_network(found: Header, members: list[Entry]) -> list[Entry]:
    """Return what no field tells of the network: by the file's layers, or which parts have a learning rate."""
    told = {*found.metadata, *(each.name for each in members)}
    layers = of_layers(found.shapes)
    fields = {"rank": "ss_network_dim", "conv_rank": "network_args conv_dim", "algo": "ss_network_module"}
    given = [
        Entry(name=f"layers {name}", shown=name, value=value)
        for name, value in layers.items()
        if fields.get(name) not in told
    ]
    if "train" not in layers:
        given.append(Entry(name="trained parts", value=_trained(found.metadata)))
    return given


def _trained(metadata: Mapping[str, str]) -> str:
    text, unet = (_is_rate(metadata.get(name, "")) for name in ("ss_text_encoder_lr", "ss_unet_lr"))
    if text and not unet and "ss_unet_lr" in metadata and metadata["ss_unet_lr"] != "None":
        return "text encoder"
    return "unet + text encoder" if text else "unet"


def _is_rate(text: str) -> bool:
    """Whether a field holds a learning rate above 0, or a list with one."""
    return any(number.strip("0.") for number in re.findall(r"\d[\d.]*(?:e-?\d+)?", text))


LORA = Form(title="LoRA file", program=LORA_FILE, read=_read_file)
DUMP = Form(title="metadata of a LoRA file", program=LORA_FILE, read=_read_dump)
