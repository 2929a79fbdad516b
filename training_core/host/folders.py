"""Where the host keeps pictures, LoRA files and outputs. Paths from a workflow never leave these folders."""

from __future__ import annotations

import re
from pathlib import Path

import folder_paths

from ..errors import AthanorError

_BAD = re.compile(r'[<>:"|?*\x00-\x1f]')


def dataset_folder(name: str) -> Path:
    """The folder a workflow means: below ComfyUI's input folder or one of its `datasets` folders.

    Raises:
        AthanorError: it is empty, missing, no folder, or outside.
    """
    if not name.strip():
        raise AthanorError("folder is empty: give the name of a folder in ComfyUI's input or datasets folder.")
    roots = [folder_paths.get_input_directory(), *folder_paths.get_folder_paths("datasets")]
    outside = False
    for root in roots:
        path = Path(root) / name.strip()
        if not folder_paths.is_within_directory(root, str(path)):
            outside = True
        elif path.is_dir():
            return path
        elif path.exists():
            raise AthanorError(f"folder '{name}' is a file: give the folder that holds the pictures.")
    if outside:
        raise AthanorError(
            f"folder '{name}' is outside ComfyUI's input and datasets folders: move it there, or name its parent under "
            "'datasets:' in extra_model_paths.yaml."
        )
    raise AthanorError(f"folder '{name}' does not exist; looked in {' and '.join(roots)}.")


def collected_folder() -> Path:
    """Where pictures out of a graph are kept: input/athanor, so that a Dataset Loader finds them, too."""
    return Path(folder_paths.get_input_directory()) / "athanor"


def lora_folder() -> Path:
    """Where LoRA files are written: the host's first loras folder."""
    return Path(folder_paths.get_folder_paths("loras")[0])


def lora_path(name: str) -> Path:
    """The file of LoRA `name` (without ending, '/' for sub-folders) in the loras folder.

    Raises:
        AthanorError: the name is empty, has characters no file system takes, or leads out of the folder.
    """
    name = name.strip().replace("\\", "/")
    parts = name.split("/")
    if not name or not parts[-1] or parts[-1].startswith("."):
        raise AthanorError(f"output_name is '{name}': give the LoRA a name, such as my_lora.")
    if _BAD.search(name):
        raise AthanorError(f"output_name '{name}' has characters that file names cannot have.")
    root = lora_folder()
    path = root / f"{name}.safetensors"
    if Path(name).is_absolute() or ".." in parts or not folder_paths.is_within_directory(str(root), str(path)):
        raise AthanorError(f"output_name '{name}' leads out of the loras folder: use a plain name, or sub/name.")
    return path


def lora_name(path: Path) -> str:
    """The name under which the host lists a file of the loras folder."""
    return str(path.relative_to(lora_folder()))


def lora_names() -> list[str]:
    """All LoRA files, as the host lists them."""
    return folder_paths.get_filename_list("loras")


def existing_lora(name: str) -> Path:
    """The file of a LoRA that the host lists.

    Raises:
        AthanorError: there is none of that name.
    """
    path = folder_paths.get_full_path("loras", name) or folder_paths.get_full_path("loras", f"{name}.safetensors")
    if path is None:
        raise AthanorError(f"lora_name '{name}' is not in the loras folders.")
    return Path(path)


def run_folder(run_id: str) -> Path:
    """output/athanor/runs/<run id>."""
    return Path(folder_paths.get_output_directory()) / "athanor" / "runs" / run_id


def runs_folder() -> Path:
    """output/athanor/runs."""
    return run_folder("x").parent


def compare_folder(name: str) -> Path:
    """output/athanor/compare/<name>.

    Raises:
        AthanorError: the name leads out of that folder.
    """
    root = Path(folder_paths.get_output_directory()) / "athanor" / "compare"
    if name and (not folder_paths.is_within_directory(str(root), str(root / name)) or Path(name).name != name):
        raise AthanorError(f"'{name}' is not the name of a comparison in {root}.")
    return root / name


def model_file(kind: str, name: str) -> Path | None:
    """The file behind a name of the host's list of `kind` (checkpoints, vae, loras); None if it has no file."""
    path = folder_paths.get_full_path(kind, name)
    return Path(path) if path else None


def lora_list_name(path: Path) -> str:
    """The name under which the host lists a LoRA file, in whichever loras folder it lies."""
    for root in folder_paths.get_folder_paths("loras"):
        if folder_paths.is_within_directory(root, str(path)):
            return str(path.relative_to(root))
    raise AthanorError(f"{path.name} is not in a loras folder.")


def cache_folder() -> Path:
    """athanor/cache in the host's user folder."""
    return Path(folder_paths.get_user_directory()) / "athanor" / "cache"


def mask_folder(name: str, dataset: Path) -> Path | None:
    """The folder of masks a workflow means: below the dataset's folder, else like `dataset_folder`; None if empty.

    Raises:
        AthanorError: it is missing, no folder, or outside.
    """
    if not name.strip():
        return None
    inside = dataset / name.strip()
    if folder_paths.is_within_directory(str(dataset), str(inside)) and inside.is_dir():
        return inside
    try:
        return dataset_folder(name)
    except AthanorError as error:
        raise AthanorError(f"mask_{error}") from None
