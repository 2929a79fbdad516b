"""The project file of musubi-tuner's own page, musubi_project.toml: its fields by the options that the page makes of them."""

from __future__ import annotations

from ..document import Document
from ..rules import Contents, Entry
from ..values import is_on
from . import command_line
from .musubi_words import OPTIONS
from .sd_scripts_command import given_by
from .sd_scripts_told import told

_MODELS = {"Z-Image-Turbo": "zimage", "Qwen-Image": "qwen_image"}
"""model_arch -> how the script and the module of networks begin."""
_OPTIONS = {
    "dit_path": "dit", "vae_path": "vae", "text_encoder1_path": "text_encoder", "text_encoder2_path": "text_encoder2",
    "num_epochs": "max_train_epochs", "block_swap": "blocks_to_swap", "batch_size": "train_batch_size",
    "sample_prompt": "prompts", "sample_negative_prompt": "sample_negative", "sample_w": "sample_width", "sample_h": "sample_height",
}  # fmt: skip
"""Field -> the option, or the word of samples, that it is."""
_SAMPLES = ("sample_every_n_epochs", "sample_prompt", "sample_negative_prompt", "sample_w", "sample_h")
_FIXED = {
    "optimizer_type": "adamw8bit", "timestep_sampling": "shift", "weighting_scheme": "none", "seed": 42, "enable_bucket": True,
    "log_with": "tensorboard",
}  # fmt: skip
"""Options that the page always gives."""
_DRAWN = {"zimage": {"sample_at_first": True, "sample_steps": 20, "sample_cfg": 5.0, "sample_seed": 1234},
          "qwen_image": {"sample_at_first": True, "sample_steps": 20, "sample_cfg": 4.0, "sample_seed": 1234}}  # fmt: skip
"""How it draws sample pictures, where they are switched on."""
_PAGE = (
    "vram_size",
    "comfy_models_dir",
    "input_lora_path",
    "output_comfy_lora_path",
    "fp8_scaled",
    "fp8_llm",
    "sample_images",
)


def read(document: Document) -> Contents | None:
    """Return what a project file says; None where a TOML is none."""
    table = document.toml or {}
    model = _MODELS.get(str(table.get("model_arch")))
    if model is None:
        return None
    given = [
        Entry(name="script", shown="model_arch", value=f"{model}_train_network.py"),
        Entry(name="network_module", value=f"networks.lora_{model}", implied=True),
        *(Entry(name=name, value=value, implied=True) for name, value in _FIXED.items()),
    ]
    drawn = is_on(table.get("sample_images"))
    if drawn:
        given += [Entry(name=name, value=value, implied=True) for name, value in _DRAWN[model].items()]
    if size := [table[name] for name in ("resolution_w", "resolution_h") if name in table]:
        given.append(Entry(name="resolution", shown="resolution_w, resolution_h", value=size))
    unread: list[tuple[str, str]] = []
    for name, value in table.items():
        if name == "additional_args":
            options, unread = given_by(command_line.Command(words=tuple(command_line.split(str(value)))), OPTIONS)
            given += options
        elif name in _PAGE or (name in _SAMPLES and not drawn):
            given.append(
                Entry(
                    name="fp8_scaled" if name == "fp8_scaled" and is_on(value) else "of_the_page",
                    shown=name,
                    value=value,
                )
            )
        elif name not in ("model_arch", "resolution_w", "resolution_h"):
            renamed = _OPTIONS.get(name, name)
            given.append(Entry(name=renamed, shown=name if renamed != name else "", value=value))
    return told(given, unread)
