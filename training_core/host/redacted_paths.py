"""Paths in sentences that leave this computer."""

from __future__ import annotations

import os
import re
from pathlib import Path

import folder_paths

_KINDS = ("loras", "checkpoints", "diffusion_models", "datasets")
"""Kinds of the host's folders that runs read from and write to."""


def without_roots(text: str) -> str:
    """Return a text in which paths below the host's folders begin at those, such as models/loras/a.safetensors.

    A client of the host's API has no use for the folders of its server, and no business to know them.
    """
    kept = map(folder_paths.get_directory_by_type, ("input", "output", "temp"))
    roots = {os.path.dirname(each) for each in (*kept, folder_paths.get_user_directory()) if each}  # noqa: PTH120
    roots |= {str(Path(each).parent) for kind in _KINDS for each in folder_paths.get_folder_paths(kind)}
    roots.add(folder_paths.base_path)
    for root in sorted(roots, key=len):
        if len(root) > 1:
            # Only where a path begins: /data/ is no root in /mnt/data/a, nor in the name sub/data/a.
            text = re.sub(rf"(?<![\w.:/\\-]){re.escape(root + os.sep)}", "", text)
    return text
