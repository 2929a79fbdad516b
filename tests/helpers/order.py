"""In which order test files run: the slow ones first, so that no worker is left alone with one at the end; or shuffled. Browser tests
run in one worker, with one ComfyUI, one browser and one page: these took ten seconds of a processor in each of three.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

SECONDS = {
    "web/test_live.py": 90,
    "host/test_portable.py": 25,
    "host/test_family_training.py": 40,
    "host/test_recipes.py": 30,
    "web/test_examples.py": 45,
    "host/test_examples.py": 40,
    "host/test_diffusers_names.py": 20,
    "host/test_runs.py": 35,
    "host/test_graph.py": 20,
    "host/test_precision.py": 20,
    "web/test_compare_page.py": 30,
    "host/test_kinds_of_training.py": 20,
    "host/test_model.py": 30,
    "host/test_restarts.py": 30,
    "web/test_dataset.py": 30,
    "host/test_whole_run.py": 25,
    "host/test_compare.py": 25,
    "web/test_saved_workflows.py": 25,
    "web/test_languages.py": 25,
    "host/test_quickstart.py": 20,
    "host/test_faults.py": 20,
    "host/test_compare_killed.py": 20,
    "host/test_going_on.py": 20,
    "host/test_compiled.py": 20,
    "host/test_optimizers.py": 20,
    "host/test_key_sets.py": 10,
    "host/test_learning.py": 20,
    "web/test_missing.py": 20,
    "web/test_help.py": 20,
    "host/test_encodings.py": 20,
    "host/test_families.py": 20,
    "host/test_processes.py": 15,
    "host/test_card_server.py": 15,
    "host/test_axis_kinds.py": 15,
    "host/test_data_nodes.py": 15,
    "host/test_continue.py": 15,
    "host/test_encode.py": 15,
    "host/test_cards_trained.py": 15,
    "host/test_cards.py": 15,
    "host/test_live_text.py": 12,
    "host/test_compare_runs.py": 10,
    "web/test_publish.py": 10,
    "web/test_store.py": 10,
    "host/test_packed.py": 10,
    "data/test_thousand.py": 10,
    "fuzz/test_killed.py": 10,
    "host/test_compare_widgets.py": 8,
}
"""Processor seconds of the files that take longest, roughly; a new one that takes more than ten belongs here."""


def by_file(items: list[Any]) -> dict[Path, list[Any]]:
    """Test items by their file, in their order."""
    files: dict[Path, list[Any]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    return files


def slow_first(items: list[Any]) -> list[Any]:
    """Files by their measured seconds; all others after them, as they come."""
    files = by_file(items)
    order = sorted(files, key=lambda path: -SECONDS.get(f"{path.parent.name}/{path.name}", 0))
    return [item for path in order for item in files[path]]


def shuffled(items: list[Any], seed: int) -> list[Any]:
    """Files, and the tests in each, in an order that `seed` decides."""
    rng, files = random.Random(seed), by_file(items)
    order = sorted(files)
    rng.shuffle(order)
    return [item for path in order for item in rng.sample(files[path], len(files[path]))]


WEB = "tests/web/"


def scheduler(config: Any, log: Any) -> Any:
    """Of pytest-xdist, for `--dist loadfile`: the files of a worker at a time, and all browser tests as if they were one file."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return WEB if nodeid.startswith(WEB) else super()._split_scope(nodeid)

    return Scheduling(config, log)
