"""Athanor's training core: everything between a folder of pictures and a LoRA file.

Only `host/` knows ComfyUI; the rest is plain torch.
"""
