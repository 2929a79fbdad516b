#!/usr/bin/env bash
# The check of the pack on a GPU machine; without a network, needs .whl and .comfy (made by pack.sh) in the pack's folder.
#   bash tests/gpu/check.sh [PART...]     tables: $OUT/table.md (OUT=/tmp/out)
set -euo pipefail
cd "$(dirname "$0")/../.."
export OUT=${OUT:-/tmp/out}
SITE=${GPU_SITE:-/tmp/site}
export COMFYUI_PATH=${GPU_COMFYUI:-/tmp/ComfyUI}

[ -d "$SITE" ] || python3 -m pip install -q --disable-pip-version-check --no-index --no-deps --no-compile --no-cache-dir \
    --target "$SITE" .whl/*.whl
if [ ! -f "$COMFYUI_PATH/main.py" ]; then
    mkdir -p "$COMFYUI_PATH"
    tar -xJf .comfy/comfyui.tar.xz -C "$COMFYUI_PATH"
    echo 'NODE_CLASS_MAPPINGS = {}' >"$COMFYUI_PATH/comfy_extras/nodes_glsl.py" # needs OpenGL
fi

export PYTHONPATH=$SITE PYTHONUNBUFFERED=1 PYTHONUTF8=1 HF_HUB_OFFLINE=1
export TORCHINDUCTOR_CACHE_DIR=${TORCHINDUCTOR_CACHE_DIR:-/tmp/inductor} TORCH_CPP_LOG_LEVEL=ERROR
if [ -z "${ATHANOR_DEVICE:-}" ]; then
    ATHANOR_DEVICE=$(python3 -c 'import torch; print("cuda" if torch.cuda.is_available() else "cpu")')
fi
export ATHANOR_DEVICE
exec python3 tests/gpu/check.py "$@"
