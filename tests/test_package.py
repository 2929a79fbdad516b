"""What ComfyUI's registry takes of the repository: all that git knows but .comfyignore's. CI runs `comfy node validate` on it."""

from __future__ import annotations

import io
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from athanor.training_core import toml
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/athanor-lora/athanor"
BOUND = 3_800_000
"""Bytes of the zip that users download: 1.2 MB of it are the pictures of the help pages, 0.3 MB those of the examples, 0.2 MB the words of
the trainers whose recipes are read."""
PAGES = ["README.md", "README.zh-CN.md"]


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode("utf-8")
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def packed(tracked: list[str]) -> list[str]:
    """Names of the files in the zip."""
    ignored = (ROOT / ".comfyignore").read_text(encoding="utf-8").split()
    assert not [line for line in ignored if re.search(r"[*?!#\[\]]", line)], "this test reads plain names alone"
    return [
        name
        for name in tracked
        if not any(name == line or (line.endswith("/") and name.startswith(line)) for line in ignored)
    ]


def test_the_package_is_small_and_whole(packed):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in packed:
            archive.write(ROOT / name, name)
    assert file.tell() < BOUND, (
        f"{file.tell()} bytes: tools/examples.py makes the pictures, .comfyignore leaves files out."
    )
    assert {"__init__.py", "LICENSE", "README.md", "pyproject.toml", "requirements.txt"} < set(packed)
    assert not [name for name in packed if name.startswith(("tests/", "tools/", "demo/", ".ci/", ".github/"))]


@pytest.mark.parametrize("page", PAGES)
def test_the_readme_speaks_of_files_that_are_there(page, tracked, packed):
    """A relative link leads to a packed file; a section about others says that they are in the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        assert target.startswith("https://") or target in packed, f"{page} links {target}, which the package lacks"
    absent = {name.split("/")[0] + "/" * ("/" in name) for name in set(tracked) - set(packed)}
    absent -= {name.split("/")[0] + "/" for name in packed if "/" in name}
    assert {"dev.py", "CONTRIBUTING.md", "tests/"} <= absent
    for section in re.split(r"^## ", text, flags=re.MULTILINE):
        named = [name for name in absent if re.search(rf"(?<![\w./-]){re.escape(name)}", section)]
        assert not named or REPOSITORY in section, f"{page}: {section[:40]!r} names {named}: link {REPOSITORY}"


def test_the_registry_reads_the_dependencies():
    """Its form of a version has three numbers; what it cannot read it leaves out with a warning."""
    project = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["urls"]["Repository"] == REPOSITORY
    part = re.compile(r"(==|>=|<=|!=|~=|>|<)\d+\.\d+\.\d+(-[a-zA-Z0-9]+)?")
    page = next(d for d in project["project"]["dependencies"] if d.startswith("comfyui-frontend-package"))
    versions = [page.removeprefix("comfyui-frontend-package"), project["tool"]["comfy"]["requires-comfyui"]]
    assert all(part.fullmatch(one) for version in versions for one in version.split(",")), versions
    for line in project["project"]["dependencies"]:
        assert Requirement(line).name, line
