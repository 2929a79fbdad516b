"""ai-toolkit's YAML (or the same as JSON): a job, one of its processes, or a part of one."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from ...errors import AthanorError
from ..document import Document
from ..draft import Draft
from ..form import Form
from ..rules import Contents, Entry, Said
from ..translate import Program
from .ai_toolkit_files import FILE_WORDS, TRAINERS
from .ai_toolkit_model import MODEL_WORDS, NETWORK_WORDS, convolutions, finetunes, flow, guided
from .ai_toolkit_optimizer import written
from .ai_toolkit_training import TRAINING_WORDS
from .ai_toolkit_tricks import TRICK_WORDS
from .nested import draw_at_trained_size, objects, part, shown

_SECTIONS = ("network", "save", "train", "model", "logging", "sample")
_ONE_LINE = ("adapter", "embedding", "decorator", "slider", "guidance", "first_sample", "validation")
_LISTS = ("train.optimizer_params", "train.lr_scheduler_params")
"""Objects of arguments that are told in one line: "weight_decay=0.01"."""
_INNER = ("train.ema_config", "network.network_kwargs", "model.model_kwargs")
_SAMPLE = {"width": "w", "height": "h", "seed": "d", "guidance_scale": "l", "sample_steps": "s", "neg": "n"}
_CONTROLS = ("ctrl_img", "ctrl_img_1", "ctrl_img_2", "ctrl_img_3")
_OF_TRAIN = (
    "optimizer_params",
    "lr_scheduler_params",
    "noise_scheduler",
    "ema_config",
    "timestep_type",
    "content_or_style",
)
"""Names in `train` of which one shows that a text without sections is a part of it."""
_JOB = re.compile(r"^config:\s*$.*^\s+process:\s*$", re.MULTILINE | re.DOTALL)
"""Lines that a job has, whether or not it can be read."""
_NO_TRAINING = ("extract", "generate", "mod")


def _implied(said: Said) -> dict[str, Any]:
    """Return what ai-toolkit does by itself, where our defaults differ (toolkit/config_modules.py)."""
    sections = {name.partition(".")[0] for name in said}
    values: dict[str, Any] = {}
    if finetunes(said):
        values["network"] = "none"
    if "network" in sections and "network.linear" not in said and "network.rank" not in said:
        values["network.linear"] = 4
    if "network" in sections and "network.linear_alpha" not in said and "network.alpha" not in said:
        values["network.alpha"] = 1.0
    if "network" in sections and str(said.get("network.type", "")).lower() == "lokr":
        values["network.lokr_full_rank"] = True
    if "network" in sections and convolutions(said):
        values["network.transformer_only"] = True
    if "train" in sections and "model" in sections:
        values |= {"train.steps": 1000, "train.lr": 1e-6, "train.optimizer": "adamw"}
        if flow(said):
            values["train.timestep_type"] = "sigmoid"
    if "save" in sections or "model" in sections:
        values |= {"save.save_every": 1000, "save.max_step_saves_to_keep": 5}
    if "sample" in sections:
        values["sample.sample_every"] = 100
    if "datasets" in sections:
        values |= {"datasets.resolution": 512, "datasets.buckets": True}
    return values


def _settle(draft: Draft, said: Said) -> None:
    draw_at_trained_size(draft, cfg=1.0 if guided(said) else None)


AI_TOOLKIT = Program(
    title="ai-toolkit",
    vocabulary={**TRICK_WORDS, **MODEL_WORDS, **NETWORK_WORDS, **TRAINING_WORDS, **FILE_WORDS},
    implied=_implied,
    settle=_settle,
)


def told(process: Mapping[str, Any], job: Mapping[str, Any] | None = None) -> Contents:
    """Return what a process of ai-toolkit's says, and the job around it."""
    given = [*_job(job or {}), *_process(process)]
    folders = objects(process.get("datasets"))
    given += [each for number, folder in enumerate(folders) for each in _dataset(folder, number, len(folders))]
    given += _resolutions(folders)
    return Contents(entries=tuple(given), datasets=max(1, len(folders)))


def _job(job: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield what stands around the process."""
    for name, value in job.items():
        if name == "config" and isinstance(value, dict):
            for inner, leaf in value.items():
                if inner == "process":
                    if isinstance(leaf, list) and len(leaf) > 1:
                        yield Entry(
                            name="process others",
                            value=[str(each.get("type") if isinstance(each, dict) else each) for each in leaf[1:]],
                        )
                else:
                    yield Entry(name=inner, value=shown(inner, leaf))
        elif name == "meta" and isinstance(value, dict):
            yield Entry(name="meta", value=[f"{key}: {each}" for key, each in value.items()])
        else:
            yield Entry(name=name, value=shown(name, value))


def _process(process: Mapping[str, Any]) -> Iterator[Entry]:
    for name, value in process.items():
        if name in _SECTIONS and isinstance(value, dict):
            yield from _section(name, value)
        elif name in _ONE_LINE:
            yield Entry(name=name, value="..." if value else "")
        elif name != "datasets" or not objects(value):
            yield Entry(name=name, value=shown(name, value))


def _section(section: str, values: Mapping[str, Any]) -> Iterator[Entry]:
    for key, value in values.items():
        name = f"{section}.{key}"
        if name in ("sample.prompts", "sample.samples") and isinstance(value, list):
            yield from _samples(name, value)
        elif name in _LISTS and isinstance(value, dict):
            yield Entry(name=name, value=[f"{each}={_argument(leaf)}" for each, leaf in value.items()])
        elif name in _INNER and isinstance(value, dict) and value:
            for inner, leaf in value.items():
                known = f"{name}.{inner}" in AI_TOOLKIT.vocabulary
                yield Entry(
                    name=f"{name}.{inner}" if known else name, shown=f"{name}.{inner}", value=shown(inner, leaf)
                )
        else:
            yield Entry(name=name, value="..." if isinstance(value, dict) and value else shown(key, value))


def _argument(value: Any) -> str:
    try:
        return written(value)
    except ValueError:
        return str(value)


def _samples(name: str, samples: list[Any]) -> Iterator[Entry]:
    """Yield the prompts, each with what is said of it alone behind it."""
    lines, others = [], set()
    for sample in samples:
        if not isinstance(sample, dict):
            lines.append(str(sample))
            continue
        parts = [str(sample.get("prompt", ""))]
        parts += [
            f"--{option} {sample[key]}" for key, option in _SAMPLE.items() if sample.get(key) not in (None, "", False)
        ]
        parts += [f"--ci {sample[key]}" for key in _CONTROLS if sample.get(key)]
        others |= set(sample) - {"prompt", *_SAMPLE, *_CONTROLS}
        lines.append(" ".join(parts))
    yield Entry(name="sample.prompts", shown=name, value=lines)
    if others:
        yield Entry(name="sample.samples others", shown=f"{name}: other values", value=sorted(others))


def _dataset(folder: Mapping[str, Any], number: int, count: int) -> Iterator[Entry]:
    at = f"datasets {number + 1}" if count > 1 else "datasets"
    for name, value in folder.items():
        if name == "resolution":
            continue
        given = Entry(name=f"datasets.{name}", shown=name, at=at, value=value, datasets=(number,))
        if name == "control_path" and isinstance(value, list) and len(value) > 1:
            yield Entry(name="datasets.control_path", shown=name, at=at, value=value[0], datasets=(number,))
            yield Entry(name="datasets.control_path_2", shown=name, at=at, value=value[1:], datasets=(number,))
        else:
            yield given


def _resolutions(folders: list[dict[str, Any]]) -> Iterator[Entry]:
    """Yield the sizes of all folders together, and those of each where they differ."""
    each = [folder.get("resolution", 512) for folder in folders]
    lists = [value if isinstance(value, list) else [value] for value in each]
    if not any("resolution" in folder for folder in folders):
        return
    differ = any({str(one) for one in sizes} != {str(one) for one in lists[0]} for sizes in lists)
    for number, sizes in enumerate(lists if differ else []):
        yield Entry(name="datasets.resolution own", shown="resolution", at=f"datasets {number + 1}", value=sizes)
    yield Entry(name="datasets.resolution", value=list(dict.fromkeys(str(one) for sizes in lists for one in sizes)))


def _read(document: Document) -> Contents | None:
    tree = document.json if document.json is not None else document.yaml or _fragment(document)
    if not isinstance(tree, dict):
        if _JOB.search(document.text) and document.yaml_trouble:
            raise AthanorError(
                f"{document.title} is no valid YAML from {document.yaml_trouble} on: look at its indentation."
            )
        return None
    config = part(tree, "config")
    processes = objects(config.get("process")) or objects(tree.get("process"))
    if processes:
        kind = str(processes[0].get("type", ""))
        if tree.get("job") in _NO_TRAINING or (kind not in TRAINERS and not part(processes[0], "train")):
            raise AthanorError(
                f"{document.title} is a job of ai-toolkit that trains nothing: import one with a training in it."
            )
        if "slider" in kind and not objects(processes[0].get("datasets")):
            raise AthanorError(
                f"{document.title} trains a slider from prompts alone, which is not possible here: pictures are trained."
            )
        return told(processes[0], tree if config else None)
    if _is_process(tree):
        return told(tree)
    return told({"train": tree}) if sum(name in tree for name in _OF_TRAIN) and "lr" in tree else None


def _is_process(tree: Mapping[str, Any]) -> bool:
    """Return whether an object is a process, or some sections of one."""
    if str(tree.get("type")) in TRAINERS:
        return True
    network, train = part(tree, "network"), part(tree, "train")
    folders = any("folder_path" in each for each in objects(tree.get("datasets")))
    return "linear" in network or folders or any(name in train for name in _OF_TRAIN)


def _fragment(document: Document) -> dict[str, Any] | None:
    """Return a part of a YAML as it is pasted in a thread, between backticks and indented; None if it is none."""
    if "`" not in document.text:
        return None
    text = textwrap.dedent(
        "\n".join(line for line in document.text.replace("`", " ").split("\n") if line.strip() not in ("yaml", "yml"))
    )
    return Document(name="", data=text.encode()).yaml


FORMS = (Form(title="ai-toolkit job", program=AI_TOOLKIT, read=_read),)
"""Its forms, in the order in which they are tried."""
