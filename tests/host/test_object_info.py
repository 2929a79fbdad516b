"""Workflows hold node ids, inputs and outputs: what the host tells of them changes only on purpose.

After a change that is meant: ATHANOR_RENEW=1 python dev.py test tests/host/test_object_info.py, and read the difference.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

OUTLINE = Path(__file__).parent / "object_info.txt"
HOSTS_OWN = {
    "sampler_name",
    "scheduler",
    "lora_name",
    "lora_name_2",
    "lora_name_3",
    "tuned_checkpoint",
    "base_checkpoint",
}
"""Choices that belong to the host or to the user's folders."""
CONTROL = "control_after_generate"
"""The page draws a widget of this name behind one that asks for it, and saves its value, too."""
WIDGET = re.compile(
    rf"  (\w+)\??: (?:INT|FLOAT|STRING|BOOLEAN|COMBO)(?! \(link)( with {CONTROL})?(?: was ([\w, ]+?))?(?: [=o]|$)"
)


def _input(name: str, spec: list[Any], optional: bool) -> str:
    kind, more = spec[0], spec[1]
    choices = kind if isinstance(kind, list) else more.get("options")
    line = f"  {name}{'?' if optional else ''}: {'COMBO' if isinstance(kind, list) else kind}"
    line += " (link only)" if more.get("forceInput") else ""
    line += f" with {CONTROL}" if more.get(CONTROL) else ""
    line += f" was {', '.join(more['was'])}" if more.get("was") else ""
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


def widgets(text: str) -> dict[str, list[tuple[str, ...]]]:
    """Node -> its widgets in the page's order, each as its name and those that it had before; from an outline."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for line in text.splitlines():
        if not line.startswith(" "):
            own = found.setdefault(line.split(" in ")[0], [])
        elif match := WIDGET.match(line):
            own.append((match[1], *(match[3].split(", ") if match[3] else ())))
            own += [(CONTROL,)] if match[2] else []
    return found


def moved(before: str, now: str) -> list[str]:
    """What would shift the widgets of saved workflows: a sentence for each node; outlines in."""
    wrong, later = [], widgets(now)
    for node, old in widgets(before).items():
        new = later.get(node, [])
        for place, (name, *_) in enumerate(old):
            if place >= len(new) or name not in new[place]:
                there = f"'{new[place][0]}' stands there now" if place < len(new) else "nothing stands there now"
                wrong.append(
                    f"{node}: saved workflows hold the value of '{name}' at place {place}, but {there}. Put new widgets behind all "
                    f"others of their node ('{old[-1][0]}' is the last), leave unused ones where they are, and give a renamed one "
                    "was=(old name,)."
                )
                break
    return wrong


def test_nodes_inputs_and_outputs_stay_as_workflows_know_them(server):
    now, before = outline(server.get("/object_info")), OUTLINE.read_text(encoding="utf-8")
    assert not moved(before, now), "\n".join(moved(before, now))
    if os.environ.get("ATHANOR_RENEW"):
        OUTLINE.write_text(now, encoding="utf-8", newline="\n")
        before = now
    changes = "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "object_info.txt", "now", lineterm="", n=1)
    )
    assert now == before, (
        f"{changes}\n\nIf this is meant: ATHANOR_RENEW=1 python dev.py test tests/host/test_object_info.py"
    )


SEARCHED = {
    "AthanorTrainLoRA": ("train lora", "lora training", "trainer", "finetune", "kohya", "dreambooth", "sd-scripts"),
    "AthanorXYZCompare": ("xyz plot", "xy plot", "compare loras", "grid"),
    "AthanorSweep": ("grid search", "best learning rate", "hyperparameter"),
    "AthanorDatasetLoader": ("dataset", "upload pictures", "caption tags"),
}


def test_names_that_are_no_other_nodes_and_words_that_find_them(server):
    """ComfyUI's own Train LoRA came first, and "lora training" found its nodes alone."""
    found = server.get("/object_info")
    names = {kind: info["display_name"].lower() for kind, info in found.items() if info["display_name"]}
    assert not [
        kind for kind, name in names.items() if kind.startswith("Athanor") and list(names.values()).count(name) > 1
    ]
    lacking = [(kind, w) for kind, words in SEARCHED.items() for w in words if w not in found[kind]["search_aliases"]]
    assert not lacking


ONE = """AthanorA in Athanor
  model: MODEL
  first: INT with control_after_generate = 0
  words: STRING (link only) = ""
  second: COMBO = "a" of a | b
  -> out: MODEL
"""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("  ->", "  third: FLOAT = 1.0\n  ->"), ""),
        (("  first", "  other: LATENT\n  first"), ""),
        (("second: COMBO", "better: COMBO was gone, second"), ""),
        (("  second", "  third: FLOAT = 1.0\n  second"), "'second' at place 2, but 'third' stands there now"),
        (("  first", "  third: FLOAT = 1.0\n  first"), "'first' at place 0, but 'third' stands there now"),
        ((" with control_after_generate", ""), "'control_after_generate' at place 1, but 'second' stands there now"),
        (('  second: COMBO = "a" of a | b\n', ""), "'second' at place 2, but nothing stands there now"),
        (("second: COMBO", "better: COMBO"), "'second' at place 2, but 'better' stands there now"),
        (("AthanorA in", "AthanorB in"), "'first' at place 0, but nothing stands there now"),
    ],
)
def test_a_widget_that_would_shift_saved_workflows_is_named(change, told):
    later = ONE.replace(*change)
    assert later != ONE and widgets(ONE) == {"AthanorA": [("first",), (CONTROL,), ("second",)]}
    wrong = moved(ONE, later)
    assert (len(wrong) == 1 and told in wrong[0]) if told else not wrong
