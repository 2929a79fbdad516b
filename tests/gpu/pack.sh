#!/usr/bin/env bash
# Makes what a bare GPU machine (Python 3.12, torch 2.11.0+cu130, no network) lacks for ComfyUI and this pack:
#   .whl/    wheels for cp312 manylinux x86-64, trimmed to what an NVIDIA card with CUDA 13.0 loads
#   .comfy/  ComfyUI's source in one archive, without pages, blueprints and tests; the pack's commit
# Needs a network, and a ComfyUI: python dev.py fetches one, or set COMFYUI_PATH. Git ignores both folders; they travel with the tree.
set -euo pipefail
cd "$(git rev-parse --show-toplevel)"
COMFY=${COMFYUI_PATH:-.athanor/ComfyUI}
[ -f "$COMFY/main.py" ] || { echo "no ComfyUI in $COMFY: run 'python dev.py test --co' once, or set COMFYUI_PATH" >&2; exit 1; }
PYTHON=${PYTHON:-.athanor/venv/bin/python}
[ -x "$PYTHON" ] || PYTHON=python3

ignored=$(git rev-parse --git-path info/exclude)
for name in .whl .comfy; do
    grep -qxF "/$name/" "$ignored" 2>/dev/null || echo "/$name/" >>"$ignored"
done
rm -rf .whl .comfy
mkdir .whl .comfy

"$PYTHON" tests/gpu/wheels.py .whl
tar -C "$COMFY" --exclude=./blueprints --exclude=./tests --exclude=./tests-unit --exclude=./script_examples --exclude=./models \
    --exclude=./custom_nodes --exclude=./input --exclude=./output --exclude=./user --exclude=./temp --exclude=./openapi.yaml \
    --exclude=__pycache__ --exclude='./.*' --exclude='*.md' -c . | xz -6 -T1 >.comfy/comfyui.tar.xz
git describe --always --abbrev=40 --dirty --exclude='*' >.comfy/commit

tree=$(git ls-files -co --exclude-standard -z | xargs -0 du -bc | awk '/total$/ { s += $1 } END { print s }')
whl=$(du -bs .whl | cut -f1)
comfy=$(du -bs .comfy | cut -f1)
echo "working tree $((tree / 1000)) kB, .whl $((whl / 1000)) kB ($(ls .whl | wc -l) wheels), .comfy $((comfy / 1000)) kB:" \
    "$(((tree + whl + comfy) / 1000)) of 67108 kB, commit $(cat .comfy/commit)"
[ $((tree + whl + comfy)) -lt 67108864 ] || { echo "more than 64 MiB: too large to travel" >&2; exit 1; }
