"""Whoever reads what runs have left behind needs no torch."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import importlib.machinery, importlib.util, pkgutil, sys
pack = importlib.machinery.ModuleSpec("athanor", None, is_package=True)
pack.submodule_search_locations = [sys.argv[1]]
sys.modules["athanor"] = importlib.util.module_from_spec(pack)
history = importlib.import_module("athanor.training_core.history")
names = [module.name for module in pkgutil.iter_modules(history.__path__)]
for name in names:
    importlib.import_module(f"athanor.training_core.history.{name}")
print(len(names), "torch" in sys.modules)
"""


def test_history_is_imported_without_torch():
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(ROOT)], capture_output=True, text=True, check=True)
    count, torch = done.stdout.split()
    assert int(count) > 5 and torch == "False"
