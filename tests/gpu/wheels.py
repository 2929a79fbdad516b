"""The wheels that a bare GPU machine lacks: fetched, made small, and stand-ins for what only pages and films need.

python wheels.py FOLDER, with the Python of a working installation: its versions are taken, as they were tested together.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

NAMES = (
    "comfy-aimdo", "comfy-kitchen", "torchsde", "trampoline", "alembic", "SQLAlchemy", "Mako", "greenlet",
    "simpleeval", "blake3", "spandrel", "pydantic", "pydantic-core", "annotated-types", "typing-inspection",
    "pydantic-settings", "python-dotenv", "lycoris-lora", "toml", "bitsandbytes", "lion-pytorch", "prodigyopt",
    "schedulefree", "diffusers", "peft", "importlib-metadata",
)  # fmt: skip
GLIBC = (39, 35, 34, 31, 28, 27, 24, 17)
SOURCES = ("dadaptation==3.2",)
"""Without a wheel; pure Python. Left out where they cannot be built: their optimizers are then told as missing."""

DROP = {
    "bitsandbytes": r"libbitsandbytes_(?!cuda130|cpu).*\.so$",  # 129 MB -> 4: one library for each CUDA and ROCm
    "comfy_kitchen": r"backends/(hip|cuda)/_C.*\.so$",  # 172 MB -> 1: its Triton and torch backends stay
    "comfy_aimdo": r"aimdo_rocm\.so$",
}
"""Wheel -> what this kind of machine never loads."""

ANY = "def __getattr__(name):\n    if name.startswith('__'):\n        raise AttributeError(name)\n    return type(name, (), {})\n"
TEMPLATES = "def iter_templates():\n    return []\n\n\ndef get_asset_path(*_):\n    raise KeyError\n"
FILMS = (
    "__init__",
    "container",
    "codec",
    "subtitles/__init__",
    "subtitles/stream",
    "video/__init__",
    "video/reformatter",
    "video/frame",
)
STAND_INS: dict[str, tuple[str, dict[str, str]]] = {
    "av": ("19.0.2", {f"av/{name}.py": ANY for name in (*FILMS, "audio/__init__")}),
    "kornia": ("0.9.0", {f"kornia/{name}__init__.py": ANY for name in ("", "filters/", "morphology/", "color/")}),
    "comfyui_frontend_package": (
        "1.47.12",
        {
            "comfyui_frontend_package/__init__.py": "",
            "comfyui_frontend_package/static/index.html": "<title>no page here</title>",
        },
    ),
    "comfyui_workflow_templates": (
        "0.11.27",
        {
            "comfyui_workflow_templates/__init__.py": TEMPLATES,
            "comfyui_workflow_templates/templates/index.json": "[]",
        },
    ),
    "comfyui_embedded_docs": (
        "0.5.9",
        {"comfyui_embedded_docs/__init__.py": "", "comfyui_embedded_docs/docs/none.md": ""},
    ),
}


def wanted(name: str) -> str:
    try:
        return f"{name}=={importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return name


def fetch(folder: Path) -> None:
    tags = [f"manylinux_2_{number}_x86_64" for number in GLIBC] + ["manylinux2014_x86_64", "manylinux1_x86_64"]
    platforms = [word for tag in tags for word in ("--platform", tag)]
    pip = [sys.executable, "-m", "pip"]
    quiet = ["-q", "--disable-pip-version-check", "--no-deps"]
    where = ["--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp", *platforms, "-d", str(folder)]
    subprocess.run([*pip, "download", *quiet, *where, *map(wanted, NAMES)], check=True)
    for source in SOURCES:
        if subprocess.run([*pip, "wheel", *quiet, "-w", str(folder), source]).returncode:
            print(f"left out: {source}")


def write(path: Path, files: Iterable[tuple[str, bytes]], info: str) -> None:
    """A wheel of these files."""
    rows = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for name, content in files:
            out.writestr(name, content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.append(f"{name},sha256={digest},{len(content)}")
        out.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,", ""]))


def trim(folder: Path) -> None:
    for prefix, pattern in DROP.items():
        (path,) = folder.glob(f"{prefix}-*.whl")
        with zipfile.ZipFile(path) as wheel:
            names = [name for name in wheel.namelist() if not name.endswith("/")]
            info = next(name for name in names if name.endswith("/RECORD")).rpartition("/")[0]
            kept = [name for name in names if not re.search(pattern, name) and not name.endswith("/RECORD")]
            files = [(name, wheel.read(name)) for name in kept]
        assert len(kept) < len(names) - 1, f"{path.name}: nothing to take out, look at its files"
        write(path, files, info)


def stand_ins(folder: Path) -> None:
    for name, (version, files) in STAND_INS.items():
        info = f"{name}-{version}.dist-info"
        about = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\nSummary: a stand-in\n"
        tag = "Wheel-Version: 1.0\nGenerator: pack\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        whole = files | {f"{info}/METADATA": about, f"{info}/WHEEL": tag}
        write(folder / f"{name}-{version}-py3-none-any.whl", [(n, text.encode()) for n, text in whole.items()], info)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    fetch(target)
    trim(target)
    stand_ins(target)
