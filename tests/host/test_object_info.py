"""Workflows hold node ids, inputs and outputs: what the host tells of them changes only on purpose.

After a change that is meant: ATHANOR_RENEW=1 python dev.py test tests/host/test_object_info.py, and read the difference.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any

import graphs

OUTLINE = Path(__file__).parent / "object_info.txt"
HOSTS_OWN = {"sampler_name", "scheduler", "lora_name"}
"""Choices that belong to the host or to the user's folders."""


def _input(name: str, spec: list[Any], optional: bool) -> str:
    kind, more = spec[0], spec[1]
    choices = kind if isinstance(kind, list) else more.get("options")
    line = f"  {name}{'?' if optional else ''}: {'COMBO' if isinstance(kind, list) else kind}"
    line += " (link only)" if more.get("forceInput") else ""
    line += f" = {json.dumps(more['default'], ensure_ascii=False)}" if "default" in more else ""
    return line + (f" of {' | '.join(map(str, choices))}" if choices and name not in HOSTS_OWN else "")


def outline(info: dict[str, Any]) -> str:
    """Ids, inputs in their order (type, default, choices) and outputs of the pack's nodes, a line each."""
    lines = []
    for node in sorted(name for name in info if name.startswith("Athanor")):
        told = info[node]
        lines.append(f"{node} in {told['category']}{', always executed' if told['output_node'] else ''}")
        for group in ("required", "optional"):
            for name in told["input_order"].get(group, []):
                lines.append(_input(name, told["input"][group][name], group == "optional"))
        for name, kind, many in zip(told["output_name"], told["output"], told["output_is_list"], strict=True):
            lines.append(f"  -> {name}: {'list of ' if many else ''}{kind}")
    return "\n".join(lines) + "\n"


def test_nodes_inputs_and_outputs_stay_as_workflows_know_them(server):
    now = outline(server.get("/object_info"))
    if os.environ.get("ATHANOR_RENEW"):
        OUTLINE.write_text(now, encoding="utf-8", newline="\n")
    before = OUTLINE.read_text(encoding="utf-8")
    changes = "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "object_info.txt", "now", lineterm="", n=1)
    )
    assert now == before, (
        f"{changes}\n\nIf this is meant: ATHANOR_RENEW=1 python dev.py test tests/host/test_object_info.py"
    )


def test_a_prompt_saved_before_a_setting_was_there_still_runs(server):
    """Scripts, job.json and the graphs in pictures and LoRA files hold the inputs of their time."""
    from athanor.training_core import settings

    later = [setting.name for setting in settings.info(settings.TrainingSettings) if setting.later]
    assert later == ["deterministic"]
    prompt = graphs.training("sd3", train={"output_name": "of_old"})
    for name in later:
        del prompt["train"]["inputs"][name]
    server.run(prompt)
