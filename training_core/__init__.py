"""Athanor's training core: everything between a folder of pictures and a LoRA file.

Only `host/` knows ComfyUI; the rest is plain torch.
"""

VERSION = "0.1.0"
"""Of the pack, as in pyproject.toml; LoRA files tell it."""
