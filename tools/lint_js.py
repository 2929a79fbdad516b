"""Check the page's JavaScript: line and file lengths by Python, format and lint by Biome where npm can bring it.

python tools/lint_js.py          report what is wrong; exit code 1 if there is anything
python tools/lint_js.py --fix    format all files and apply Biome's safe fixes first

Standard library only. Biome is kept in .athanor/biome; without npm, or without a network at the first time, only the
lengths are checked, which one printed line says.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIOME = "2.6.8"
FOLDERS = ("web/athanor", "web/viewer", "web_without_nodes", "tools")
RULES = "tools/lint_js.json"
CACHE = ROOT / ".athanor" / "biome"
COLUMNS, LINES = 120, 300
TABLES = {"words_zh.js", "words_zh_tw.js"}
"""Translations: one line per text, however long that is."""


def files() -> list[Path]:
    """Return every JavaScript file of ours; web/lib is other people's."""
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.js"))]


def too_long(path: Path) -> list[str]:
    """Return a sentence for each line over 120 columns, and one if the file has over 300 lines."""
    if path.name in TABLES:
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    where = path.relative_to(ROOT).as_posix()
    wide = [
        f"{where}:{n} has {len(line)} columns, at most {COLUMNS}."
        for n, line in enumerate(lines, 1)
        if len(line) > COLUMNS
    ]
    return wide + ([f"{where} has {len(lines)} lines, at most {LINES}: split it."] if len(lines) > LINES else [])


def biome() -> tuple[Path | None, str]:
    """Return Biome's command, installed by npm if need be, or None and the reason why there is none."""
    command = CACHE / "node_modules" / "@biomejs" / "biome" / "bin" / "biome"
    package = command.parents[1] / "package.json"
    if not shutil.which("node"):
        return None, "Node is not installed"
    if package.is_file() and f'"version": "{BIOME}"' in package.read_text(encoding="utf-8"):
        return command, ""
    npm = shutil.which("npm")
    if not npm:
        return None, "npm is not installed"
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    install = [npm, "install", "--no-audit", "--no-fund", "--save-exact", f"@biomejs/biome@{BIOME}"]
    try:
        done = subprocess.run(install, cwd=CACHE, capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        return None, f"npm did not bring Biome {BIOME} in 5 minutes"
    return (command, "") if done.returncode == 0 else (None, f"npm could not bring Biome {BIOME}")


def main(fix: bool = False) -> int:
    """Print what is wrong and return 1, or print one line and return 0."""
    command, missing = biome()
    result = 0
    if command:
        sources = [path.relative_to(ROOT).as_posix() for path in files()]
        flags = [f"--config-path={RULES}", "--error-on-warnings", *(["--write"] if fix else [])]
        result = subprocess.call([shutil.which("node") or "node", str(command), "check", *flags, *sources], cwd=ROOT)
    long = [sentence for path in files() for sentence in too_long(path)]
    print("\n".join(long) if long else "JavaScript: no file or line is too long.")
    if missing:
        print(f"JavaScript: format and lint were left out: {missing}.")
    return 1 if result or long else 0


if __name__ == "__main__":
    sys.exit(main("--fix" in sys.argv[1:]))
