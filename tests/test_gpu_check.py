"""tests/gpu: its parts are there, its README lists them, and its bars are judged rightly."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

GPU = Path(__file__).resolve().parent / "gpu"


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"gpu_{name}", GPU / f"{name}.py")
    result = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = result  # dataclasses look there
    spec.loader.exec_module(result)
    return result


def test_every_part_names_a_function_and_gives_it_what_it_takes():
    parts = module("parts").PARTS
    assert len({part.name for part in parts}) == len(parts)
    for part in parts:
        file, _, name = part.run.partition(":")
        tree = ast.parse((GPU / f"{file}.py").read_text(encoding="utf-8"))
        (function,) = [f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name == name]
        arguments = [a.arg for a in function.args.args]
        needed = arguments[: len(arguments) - len(function.args.defaults)]
        assert set(needed) <= set(part.values) <= set(arguments), part.name


def test_the_readme_lists_the_parts():
    table = module("parts").table()
    assert table in (GPU / "README.md").read_text(encoding="utf-8"), f"put this into tests/gpu/README.md:\n{table}"


def test_bars():
    bars = module("bars")
    values = {
        "sdxl-4.seconds": 0.2,
        "sdxl-4.bare": 0.16,
        "sdxl-1.seconds": 0.07,
        "sdxl-1.peak": 9.0,
        "comfyui.seconds": 0.14,
    }
    rows = {line.split(" | ")[0][2:]: line.split(" | ")[1:] for line in bars.rows(values, "NVIDIA H100 80GB HBM3")}
    assert rows["SDXL batch 4, plain, img/s"] == ["20", ">= 19", "reached |"]
    assert rows["SDXL batch 1, s a step"] == ["0.07", "<= 0.07", "reached |"]
    assert rows["SDXL batch 4: step / bare forward + backward"] == ["1.25", "<= 1.15", "MISSED |"]
    assert rows["SDXL batch 1: ComfyUI's Train LoRA / ours, time"] == ["2", ">= 1.5", "reached |"]
    assert rows["SDXL batch 4, compiled, img/s"][:2] == ["not measured", ">= 22"]
    assert next(line for line in bars.rows(values, "NVIDIA H200") if "plain" in line).endswith("| >= 22 | MISSED |")
    assert "none for this card" in next(line for line in bars.rows(values, "NVIDIA L4") if "plain" in line)
    assert not list(bars.rows(values, "")) and not list(bars.ratios(values, ""))


def test_what_a_part_says_is_read_back(capsys):
    report = module("report")
    report.row("a\nb", 1)
    report.value("x", 0.5)
    report.value("nothing", float("nan"))
    assert not report.tried("c", lambda: 1 / 0)
    lines = capsys.readouterr().out.splitlines()
    table = ["| | | |", "|---|---|---|", "| a b | 1 |  |", "| c | FAILED | ZeroDivisionError: division by zero |"]
    assert report.table(lines) == table
    assert report.values_of(lines) == {"x": 0.5}


def test_the_memory_part_has_the_splitter_of_a_run(comfy):
    """The parts run on a card alone: a change of the splitter's parameters is to be seen here."""
    import whole_step

    splitter = whole_step.splitter()
    assert splitter([], lambda max_samples: max_samples) is None and list(splitter.warnings()) == []
