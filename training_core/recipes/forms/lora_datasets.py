"""The folders of pictures in a LoRA file's metadata -> what is given of the Dataset Loaders and the Bucketer (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...json_text import objects, parse_json
from ..rules import Entry

_MOST = 8
"""Dataset Loaders that are made; of more folders, whose names tell their repeats, one loader reads the folder above them."""
_HIGHEST = 10000
"""Repeats of a Dataset Loader."""
_SHARED = ("batch_size_per_device", "enable_bucket", "min_bucket_reso", "max_bucket_reso", "bucket_no_upscale")
_MUSUBI = ("image_directory", "video_directory", "image_jsonl_file", "video_jsonl_file")
_LEFT = ("img_count", "num_repeats", "image_dir", "metadata_file")

Datasets = tuple[list[Entry], int]
"""What is given, and how many Dataset Loaders it needs."""


def given(metadata: Mapping[str, str]) -> Datasets:
    """Return what the metadata tells of datasets: ss_datasets with its subsets, else ss_dataset_dirs and ss_reg_dataset_dirs."""
    datasets = objects(parse_json(metadata.get("ss_datasets", "")))
    subsets = _subsets(datasets)
    folders = subsets or _dirs(metadata)
    found = [_shared(datasets)] if datasets else []
    name = "ss_datasets folder" if subsets else "ss_dataset_dirs folder"
    if len(folders) > _MOST and all(_numbered(each["folder"]) for each in folders):
        above = {"folder": "", "repeats": 1}
        shown = ", ".join(each["folder"] for each in folders)
        note = Entry(name=name, shown=f"{len(folders)} folders of one: {shown}", value=above, datasets=(0,))
        return [*found, note], 1
    for number, values in enumerate(folders):
        at = "ss_datasets" if subsets else "ss_reg_dataset_dirs" if values.get("is_reg") else "ss_dataset_dirs"
        found.append(Entry(name=name, shown=values["folder"] or ".", at=at, value=values, datasets=(number,)))
    return found, max(1, len(folders))


def _shared(datasets: list[dict[str, Any]]) -> Entry:
    """Return what the first dataset says of all its pictures, and the resolutions of the others."""
    first = {name: value for name in _SHARED if (value := datasets[0].get(name)) not in (None, "None")}
    sizes = list(dict.fromkeys(size for each in datasets if (size := _size(each.get("resolution")))))
    if sizes:
        first |= {"width": sizes[0][0], "height": sizes[0][1]}
    if any(name in datasets[0] for name in _MUSUBI):
        first["bucket_reso_steps"] = 16
    if len(sizes) > 1:
        first["extra_resolutions"] = ", ".join(f"{width}x{height}" for width, height in sizes[1:])
    return Entry(name="ss_datasets dataset", shown="ss_datasets", value=first)


def _size(value: Any) -> tuple[int, int] | None:
    sides = [value, value] if isinstance(value, int) else value
    if isinstance(sides, list) and len(sides) == 2 and all(isinstance(side, int) for side in sides):
        return sides[0], sides[1]
    return None


def _subsets(datasets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the folders of all datasets, each once: a dataset for each resolution names them again."""
    folders: dict[tuple[str, bool], dict[str, Any]] = {}
    for dataset in datasets:
        for subset in objects(dataset.get("subsets")) or _of_musubi(dataset):
            said = {
                name: value
                for name, value in subset.items()
                if value not in (None, "None", False, 0) and name not in _LEFT
            }
            folder = str(subset.get("image_dir") or "")
            values = _folder(folder, subset.get("num_repeats")) | said
            folders.setdefault((folder, bool(values.get("is_reg"))), values)
    return list(folders.values())


def _of_musubi(dataset: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the one folder of a dataset of musubi-tuner, which has no subsets."""
    folder = next((dataset[name] for name in _MUSUBI if isinstance(dataset.get(name), str)), None)
    if folder is None:
        return []
    shared = (*_SHARED, *_MUSUBI, "resolution", "has_control", "control_directory", "num_repeats")
    rest = {name: value for name, value in dataset.items() if name not in shared}
    return [
        {
            "image_dir": folder,
            "num_repeats": dataset.get("num_repeats"),
            "control_folder": dataset.get("control_directory"),
        }
        | rest
    ]


def _dirs(metadata: Mapping[str, str]) -> list[dict[str, Any]]:
    folders = []
    for key, is_reg in (("ss_dataset_dirs", False), ("ss_reg_dataset_dirs", True)):
        found = parse_json(metadata.get(key, ""))
        for name, each in found.items() if isinstance(found, dict) else ():
            repeats = each.get("n_repeats") if isinstance(each, dict) else None
            folders.append(_folder(str(name), repeats) | ({"is_reg": True} if is_reg else {}))
    return folders


def _folder(name: str, repeats: Any) -> dict[str, Any]:
    """Return a folder with its repeats, and what pictures without a caption file are called by a name such as 10_cat."""
    number, _, tokens = name.partition("_")
    values: dict[str, Any] = {"folder": name}
    if isinstance(repeats, int) and 1 <= repeats <= _HIGHEST:
        values["repeats"] = repeats
    return values | ({"class_tokens": tokens} if _numbered(name) and number == str(repeats) and tokens else {})


def _numbered(name: str) -> bool:
    number, sign, _ = name.partition("_")
    return bool(sign) and number.isdecimal()
