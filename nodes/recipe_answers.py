"""Which file or folder of this computer is the one that a recipe of another machine names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..training_core.errors import AthanorError
from ..training_core.host import choices, folders
from ..training_core.host.sub_folders import sub_folders

if TYPE_CHECKING:
    from ..training_core.recipes.sheet import Graph, Question


def chosen(graph: Graph, question: Question) -> str:
    """Return the answer to a question that the names here give: the file or folder with the recipe's name; '' for none.

    Nothing but names in the host's own folders is read, so a stranger's recipe learns no more than the lists of its loaders.
    """
    from ..training_core.recipes.answers import same_name

    if question.role in (
        "mask_folder",
        "control_folder",
    ):  # they are looked up beside the pictures, which are not known yet
        return ""
    return same_name(question.said, _names(graph, question))


def _names(graph: Graph, question: Question) -> list[str]:
    if question.role == "network_weights":
        return folders.lora_names()
    if question.role == "folder":
        return [name for name in _folders(question.said) if folders.is_dataset(name)]
    kind = next(node.kind for node in graph.nodes if node.id == question.node)
    return choices.choices_of(kind).get(question.input, [])


def _folders(said: str) -> list[str]:
    """Return the folders that a Dataset Loader can read, and first the one of the very name, however deep it lies."""
    plain = said.strip().replace("\\", "/").rstrip("/")
    own = [plain] if plain and not plain.startswith("/") and ":" not in plain else []
    try:
        return [*own, *sub_folders(folders.dataset_roots())]
    except (OSError, AthanorError):
        return own
