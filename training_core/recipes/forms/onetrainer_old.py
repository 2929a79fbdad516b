"""Names that OneTrainer's settings had in earlier versions -> their names of today (the migrations of TrainConfig)."""

from __future__ import annotations

from .onetrainer_models import PARTS
from .onetrainer_optimizer import ARGUMENTS

_OF_PARTS = {
    "train_{}": "train",
    "train_{}_epochs": "stop_training_after",
    "{}_learning_rate": "learning_rate",
    "{}_weight_dtype": "weight_dtype",
    "{}_train_dtype": "train_dtype",
    "{}_model_name": "model_name",
    "{}_attention_mask": "attention_mask",
}
OLD: dict[str, str] = {
    **{old.format(name): f"{name}.{new}" for name in PARTS for old, new in _OF_PARTS.items()},
    **{f"optimizer_{name}": f"optimizer.{name}" for name in ARGUMENTS},
    "save_after": "save_every",
    "save_after_unit": "save_every_unit",
    "lora_layers": "layer_filter",
    "lora_layer_preset": "layer_filter_preset",
    "lora_layers_regex": "layer_filter_regex",
    "scale_lr_type": "learning_rate_scaler",
    "scale_loss_type": "loss_scaler",
}
"""Old name -> new name; of parts and of the optimizer with a dot: "unet_learning_rate" is "unet.learning_rate"."""
