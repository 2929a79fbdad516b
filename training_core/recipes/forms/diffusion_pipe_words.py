"""diffusion-pipe's main file: what its settings outside of [model] and [optimizer] mean here."""

from __future__ import annotations

import re
from typing import Any

from ..rules import Meaningless, NoMeaning, Paths, Rule, Said, Same, Translated, Vocabulary
from ..values import number, number_format, switch, text, whole
from .diffusion_pipe_model import MODEL_WORDS
from .diffusion_pipe_optimizer import EXACT, OPTIMIZER_WORDS
from .diffusion_pipe_pictures import PICTURE_WORDS, sides
from .nested import only_if
from .reasons import NOT_MERGED, SHOWN, STATE, STATE_OF_ANOTHER, TRACKER, TRACKER_KEY, lacking

_LARGEST_RANK = 100000
_CARDS = "A model is not divided among several cards here; with processes of Train LoRA each card has the whole model."
_VIDEOS = "Only still pictures are trained here."
_EVALUATED = "The loss on pictures that are not trained on is measured by Validation Config, with batches of its own."
_NAMELESS = (
    "output",
    "outputs",
    "training_output",
    "training_outputs",
    "runs",
    "folder",
    "train",
    "path_to_output_dir",
)


def _name(value: Any, _said: Said) -> Paths:
    last = re.split(r"[/\\]", text(value).strip().rstrip("/\\"))[-1]
    name = re.sub(r"[^\w.-]+", "_", last)
    if name.lower() in ("", *_NAMELESS):
        raise NoMeaning("Files are saved in ComfyUI's loras folder, under output_name.")
    return {"training.output_name": name}


def _per_size(value: Any, said: Said) -> int:
    """Return a batch size, of [[512, 4], [1024, 1]] that of the first resolution, or else the smallest."""
    if not isinstance(value, list):
        return whole(value)
    table = {whole(each[0]): whole(each[1]) for each in value if isinstance(each, list) and len(each) == 2}
    if not table:
        raise ValueError("It is a number, or pairs of a resolution and a number.")
    return table.get(sides(said)[0], min(table.values()))


def batch(said: Said) -> int:
    """Return the number of pictures in a batch; ValueError where what is said is no number."""
    return _per_size(said.get("image_micro_batch_size_per_gpu") or said.get("micro_batch_size_per_gpu") or 1, said)


def _batch(value: Any, said: Said) -> Paths:
    if said.get("image_micro_batch_size_per_gpu"):
        raise NoMeaning(f"image_micro_batch_size_per_gpu says it for pictures. {_VIDEOS}")
    return {"buckets.batch_size": _per_size(value, said)}


def _image_batch(value: Any, said: Said) -> Paths:
    return {"buckets.batch_size": _per_size(value, said)}


def _by_examples(field: str, but: str = "") -> Translated:
    def to(value: Any, said: Said) -> Paths:
        if but:
            _with_data(said)
        return {field: max(1, whole(value) // (batch(said) * whole(said.get("gradient_accumulation_steps") or 1)))}

    return Translated(to=to, why="A number of pictures there, converted to steps.")


def _checkpointing(value: Any, _said: Said) -> Paths:
    if text(value).lower() == "unsloth":
        return {"training.gradient_checkpointing": "all"}
    return {"training.gradient_checkpointing": "all" if switch(value) else "off"}


def _warmup(value: Any, said: Said) -> Paths:
    steps = whole(value)
    constant = text(said.get("lr_scheduler") or "constant").lower() == "constant"
    rises = {"optimizer.lr_scheduler": "constant_with_warmup"} if steps and constant else {}
    return {"optimizer.lr_warmup_steps": steps} | rises


def _scheduler(value: Any, said: Said) -> Paths:
    name = text(value).strip().lower()
    if name == "constant":
        return {
            "optimizer.lr_scheduler": "constant_with_warmup" if whole(said.get("warmup_steps") or 0) else "constant"
        }
    if name == "cosine":
        rate = number(said.get("optimizer.lr") or 1e-4)
        lowest = min(1.0, 1e-6 / rate) if rate > 0 else 0.0
        return {"optimizer.lr_scheduler": "cosine_with_min_lr", "optimizer.lr_scheduler_min_lr_ratio": round(lowest, 6)}
    if name != "linear":
        raise ValueError("diffusion-pipe's lr_scheduler is constant, linear or cosine.")
    return {"optimizer.lr_scheduler": "linear"}


def _forced_rate(value: Any, _said: Said) -> Paths:
    return {"optimizer.learning_rate": value, "optimizer.lr_scheduler": "constant"}


def _saved_as(value: Any, _said: Said) -> Paths:
    found = number_format(value, "float")
    if not found:
        raise ValueError("Files are saved as bfloat16, float16 or float32 here: choose save_precision in Train LoRA.")
    return {"training.save_precision": found}


def _with_data(said: Said) -> None:
    if not said.get("eval_datasets"):
        raise NoMeaning("There are no eval_datasets.")


def _eval_steps(value: Any, said: Said) -> Paths:
    _with_data(said)
    return {"validation.validate_every_n_steps": whole(value)}


def _kind(value: Any, _said: Said) -> Paths:
    name = text(value).strip().lower()
    if name not in ("lora", "lokr"):
        raise ValueError("diffusion-pipe's adapter is lora or lokr: choose algo in Network Config.")
    return {"network.algo": name}


def _rank(value: Any, _said: Said) -> Paths:
    rank = min(_LARGEST_RANK, whole(value))
    return {"network.rank": rank, "network.alpha": rank}


def _excluded(value: Any, _said: Said) -> Paths:
    names = value if isinstance(value, list) else [value]
    return {"network.exclude": "\n".join(re.escape(text(each)) for each in names)}


def _trained_dtype(value: Any, said: Said) -> Paths:
    name = text(value).lower()
    if name not in ("bfloat16", "float16"):
        raise NoMeaning("The trained weights are kept in float32, as here.")
    if text(said.get("optimizer.type")).lower() in ("", *EXACT):
        raise NoMeaning(
            "The optimizer keeps there what such weights lose; here they are kept in float32, which loses nothing."
        )
    return {"training.full_precision": "bf16" if name == "bfloat16" else "fp16"}


def _huber(kind: str) -> Translated:
    return Translated(
        to=lambda value, _: {"loss.loss_type": kind, "loss.huber_schedule": "constant", "loss.huber_c": value},
        why="The nearest loss: it changes smoothly from squared to absolute differences at huber_c.",
    )


def _data(_value: Any, said: Said) -> Paths:
    if "directory.path" not in said:
        raise ValueError("Import this file together with the main one: what it says is not known from here.")
    return {}


def _config(_value: Any, said: Said) -> Paths:
    if not any(name in said for name in ("model.type", "epochs", "micro_batch_size_per_gpu")):
        raise ValueError("Import this file together with the command: what it says is not known from here.")
    return {}


def _cards(value: Any, said: Said) -> Paths:
    whole_models = whole(value) // max(1, whole(said.get("pipeline_stages") or 1))
    only_if(whole_models > 1, "One card has the whole model here, too.")
    own = whole(said.get("gradient_accumulation_steps") or 1)
    return {"training.gradient_accumulation_steps": own * whole_models}


_MAIN: dict[str, Rule] = {
    "output_dir": Translated(to=_name, why="Its last folder is the name; files are saved in ComfyUI's loras folder."),
    "dataset": Translated(to=_data, why="This file is read as well."),
    "epochs": Same(path="training.epochs"),
    "max_steps": Translated(
        to=lambda value, _: {"training.max_train_steps": value}, why="Training ends at this step; there it may end sooner, with the epochs."
    ),
    "micro_batch_size_per_gpu": Translated(to=_batch, why="Pictures in a batch.", same=True),
    "image_micro_batch_size_per_gpu": Translated(to=_image_batch, why="Pictures in a batch.", same=True),
    "gradient_accumulation_steps": Same(path="training.gradient_accumulation_steps"),
    "gradient_clipping": Same(path="optimizer.max_grad_norm"),
    "warmup_steps": Translated(to=_warmup, why="A constant rate with a warm-up is lr_scheduler constant_with_warmup here."),
    "lr_scheduler": Translated(to=_scheduler, why="The same curve: cosine ends at 1e-6 there.", same=True),
    "force_constant_lr": Translated(to=_forced_rate, why="This rate is the one that counts there."),
    "pseudo_huber_c": _huber("huber"),
    "huber_delta": _huber("huber"),
    "smooth_l1_beta": _huber("smooth_l1"),
    "uncond_fraction": Same(path="datasets.caption_dropout_rate"),
    "save_every_n_epochs": Same(path="training.save_every_n_epochs"),
    "save_every_n_steps": Same(path="training.save_every_n_steps"),
    "save_every_n_examples": _by_examples("training.save_every_n_steps"),
    "save_dtype": Translated(to=_saved_as, why="The number format of the files.", same=True),
    "activation_checkpointing": Translated(to=_checkpointing, why="Every block is computed again, which saves memory."),
    "blocks_to_swap": Same(path="training.blocks_to_swap"),
    "compile": Same(path="training.torch_compile"),
    "caching_batch_size": Same(path="cache.vae_batch_size"),
    "eval_datasets": lacking(
        "Other folders are not measured here: validation_split of Validation Config keeps a part of the pictures for it."
    ),
    "eval_every_n_steps": Translated(to=_eval_steps, why="How often the loss on pictures that are not trained on is measured.", same=True),
    "eval_every_n_examples": _by_examples("validation.validate_every_n_steps", but="eval"),
    **dict.fromkeys(
        ("eval_every_n_epochs", "eval_before_first_step", "eval_micro_batch_size_per_gpu", "image_eval_micro_batch_size_per_gpu",
         "eval_image_micro_batch_size_per_gpu", "eval_gradient_accumulation_steps", "disable_block_swap_for_eval"),
        Meaningless(why=_EVALUATED),
    ),
    **dict.fromkeys(("checkpoint_every_n_epochs", "checkpoint_every_n_minutes"), Meaningless(why=STATE)),
    "resume_from_checkpoint": lacking(STATE_OF_ANOTHER),
    **dict.fromkeys(("pipeline_stages", "partition_method", "partition_split"), Meaningless(why=_CARDS)),
    **dict.fromkeys(("steps_per_print", "logging_steps", "x_axis_examples"), Meaningless(why=SHOWN)),
    "reentrant_activation_checkpointing": Meaningless(why="How blocks are computed again is chosen here; the numbers are the same."),
    "map_num_proc": Meaningless(why="How many threads read the pictures is chosen here."),
    "regenerate_cache": Meaningless(why="Encodings are kept in a cache that knows what it was made from."),
    "video_clip_mode": Meaningless(why=_VIDEOS),
    "adapter.type": Translated(to=_kind, why="The kind of network.", same=True),
    "adapter.rank": Translated(to=_rank, why="alpha is always the rank there."),
    "adapter.alpha": lacking("diffusion-pipe takes no alpha: it is always the rank there, and here with it."),
    "adapter.dtype": Translated(to=_trained_dtype, why="The number format of the trained weights: full_precision of Train LoRA."),
    "adapter.dropout": Same(path="network.dropout"),
    "adapter.rank_dropout": Same(path="network.rank_dropout"),
    "adapter.decompose_factor": Same(path="network.factor"),
    "adapter.exclude_modules": Translated(to=_excluded, why="Layers whose names match, as they are called here."),
    "adapter.init_from_existing": Translated(
        to=lambda value, _: {"network.network_weights": text(value)}, why="A LoRA of another computer: you are asked for yours."
    ),
    "adapter.fuse_adapters": lacking(
        NOT_MERGED
    ),
    "adapter": Translated(
        to=lambda _v, _s: {"network.algo": "finetune"}, why="Without a table [adapter] the model itself is trained."
    ),
    "monitoring.enable_wandb": Meaningless(why=TRACKER),
    "monitoring.wandb_api_key": Meaningless(
        why=TRACKER_KEY
    ),
    **dict.fromkeys(
        ("monitoring.wandb_tracker_name", "monitoring.wandb_run_name"), Meaningless(why="The run is shown under its output_name.")
    ),
}  # fmt: skip

_COMMAND: dict[str, Rule] = {
    "--config": Translated(to=_config, why="This file is read as well."),
    "--num_gpus": Translated(to=_cards, why="Each graphics card had a batch of its own: one card takes as many before an update, with "
        "the same result."),
    "--resume_from_checkpoint": lacking(STATE_OF_ANOTHER),
    **dict.fromkeys(
        ("--deepspeed", "--local_rank", "--master_port", "--include"), Meaningless(why="ComfyUI runs the training itself.")
    ),
    **dict.fromkeys(
        ("--regenerate_cache", "--cache_only", "--trust_cache", "--reset_dataloader", "--reset_optimizer", "--reset_optimizer_params",
         "--i_know_what_i_am_doing", "--dump_dataset", "--test_sample"),
        Meaningless(why="It is about how that program is started, not about the training."),
    ),
}  # fmt: skip

WORDS: Vocabulary = {**_MAIN, **_COMMAND, **MODEL_WORDS, **OPTIMIZER_WORDS, **PICTURE_WORDS}
"""Everything that diffusion-pipe's files can say, with dots between table and name."""
