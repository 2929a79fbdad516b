"""Train LoRA: how long, how exact, what is saved."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from .base import Settings, setting

SWITCH = {"True": "all", "False": "off", "true": "all", "false": "off"}
"""What the values of gradient_checkpointing mean that are no choices: it was a switch once, and is one in sd-scripts."""


class TrainingSettings(Settings):
    """Length, seed and number formats of a run, which files it saves, and how its steps are computed."""

    output_name: str = setting(
        "my_lora",
        "File name of the LoRA in the loras folder; use '/' for sub-folders. Epochs are saved as name-000001 and "
        "so on.",
        flag="output_name",
    )
    own_folder: bool = setting(
        False,
        "Save the run's files in a sub-folder of the same name: my_lora/my_lora-000001 and so on.",
        advanced=True,
    )
    epochs: int = setting(
        10,
        "How many times the whole dataset is trained (5 to 20 is usual).",
        flag="max_train_epochs",
        key="ss_num_epochs",
        ge=1,
        le=100000,
    )
    max_train_steps: int = setting(
        0,
        "Train this many steps instead of epochs; 0 = use epochs.",
        flag="max_train_steps",
        ge=0,
        le=100_000_000,
        advanced=True,
    )
    gradient_accumulation_steps: int = setting(
        1,
        "Batches per weight update: 4 makes batch size 2 count like 8, without the VRAM of 8.",
        flag="gradient_accumulation_steps",
        ge=1,
        le=1024,
        advanced=True,
    )
    mixed_precision: Literal["auto", "no", "fp16", "bf16"] = setting(
        "auto",
        "Number format in which the frozen model computes. auto: the one in which ComfyUI loaded the model, but "
        "bf16 instead of fp16 on a GPU that supports it. no: float32 for the model alone; ComfyUI keeps the text "
        "encoders in fp16 (some 3e-5 of the loss), unless it is started with --fp32-text-enc. The network itself "
        "stays in float32, unless full_precision says otherwise.",
        flag="mixed_precision",
        advanced=True,
    )
    gradient_checkpointing: Literal["auto", "off", "part", "all"] = setting(
        "auto",
        "Saves VRAM by computing blocks of the model twice. part: every second transformer block; about half of "
        "the possible saving, for half a forward pass more. all: every block, for a whole one more (what "
        "sd-scripts' flag does). auto: off if a step fits into VRAM; otherwise a step is tried, and the fastest "
        "method that fits is used and reported: recomputed blocks, batches in pieces, swapped blocks. What is "
        "learned stays the same.",
        flag="gradient_checkpointing",
        old_values=SWITCH,
        advanced=True,
    )
    seed: int = setting(
        0,
        "Seed of everything random in the run: the same graph with the same seed gives the same LoRA.",
        flag="seed",
        ge=0,
        le=2**53,
        fixed_seed=True,
    )
    save_every_n_epochs: int = setting(
        1,
        "Save a LoRA after every n-th epoch, to compare them later; 0 = only the last one.",
        flag="save_every_n_epochs",
        ge=0,
        le=100000,
    )
    save_every_n_steps: int = setting(
        0,
        "Also save a LoRA after every n-th step (name-step00000100); 0 = none.",
        flag="save_every_n_steps",
        ge=0,
        le=100_000_000,
        advanced=True,
    )
    save_last_n_epochs: int = setting(
        0,
        "Keep only the last n files saved by epochs and delete older ones during training; 0 = keep all.",
        flag="save_last_n_epochs",
        ge=0,
        le=100000,
        advanced=True,
    )
    save_last_n_steps: int = setting(
        0,
        "Keep only files of the last n steps (counted in steps, not in files); 0 = keep all.",
        flag="save_last_n_steps",
        ge=0,
        le=100_000_000,
        advanced=True,
    )
    save_precision: Literal["fp16", "bf16", "float"] = setting(
        "fp16",
        "Number format of the saved file: fp16 is the standard, float keeps every bit.",
        flag="save_precision",
        advanced=True,
    )
    save_diffusers_copy: bool = setting(
        False,
        "Also save each file in output/athanor/diffusers as name-diffusers.safetensors: the same LoRA with the key names of "
        "diffusers (PEFT), for programs other than ComfyUI. algo lora and locon only, with or without dora.",
        advanced=True,
    )
    overwrite: bool = setting(
        False,
        "Replace LoRA files of the same name that another run saved. Off: a number is added to the name.",
        advanced=True,
    )
    retrain: bool = setting(
        False,
        "Train again from the start, even if this run is already finished or was stopped half-way. Off: a "
        "finished run is used at once, and a stopped run resumes.",
        advanced=True,
    )
    save_state_on_train_end: bool = setting(
        True,
        "Keep the training state of the finished run (optimizer included), so that it can be continued with more "
        "epochs. It is several times as large as the LoRA.",
        flag="save_state_on_train_end",
        advanced=True,
    )
    log_with: Literal["none", "tensorboard", "wandb"] = setting(
        "none",
        "Also log to TensorBoard (in the run's folder) or to Weights & Biases (over the internet).",
        flag="log_with",
        advanced=True,
    )
    full_precision: Literal["no", "fp16", "bf16"] = setting(
        "no",
        "Keep the trained weights (the network, or with finetune the model) in this number format instead of "
        "float32: half the memory for them and their gradients. bf16 uses stochastic rounding, so that small "
        "updates are not lost. Needs the same mixed_precision. Worth it only for finetune and very large ranks "
        "(sd-scripts: --full_fp16, --full_bf16).",
        flag="full_bf16",
        key="ss_full_fp16",
        advanced=True,
    )
    blocks_to_swap: int = setting(
        0,
        "Keep the weights of this many transformer blocks in RAM and copy them to the GPU when they are needed, "
        "at most two at a time: for models that do not fit into VRAM (Flux has 57 blocks, SDXL 70). Saves VRAM "
        "from 3 blocks on; slower if copying takes longer than computing. 0 = none. For algo lora, locon, loha "
        "and lokr.",
        flag="blocks_to_swap",
        ge=0,
        le=1000,
        advanced=True,
    )
    processes: int = setting(
        1,
        "Number of training processes, one per GPU. Each has its own batches, so 2 double the effective batch "
        "size. 1 trains in ComfyUI itself; more need the package accelerate.",
        ge=1,
        le=64,
        advanced=True,
    )
    torch_compile: bool = setting(
        False,
        "Compile the model's transformer blocks with torch.compile: the first step takes a minute or more (once, "
        "until ComfyUI is restarted), later steps are faster. Rounding differs slightly. Needs triton on a GPU "
        "(Windows: triton-windows); where it does not work, the blocks run as usual, with a warning.",
        flag="torch_compile",
        advanced=True,
    )
    deterministic: Literal["auto", "on", "off"] = setting(
        "auto",
        "On a GPU: use only algorithms that give the same bytes every time, so that the same graph and seed give "
        "the same LoRA to the byte, on one machine and card. Otherwise attention and some sums differ slightly "
        "each time. auto: on, if a step tried at the start takes at most 10 % longer; the choice is stored with "
        "the run. A CPU is always exact.",
        advanced=True,
    )
    metadata: Literal["all", "recipe", "minimal", "whole page"] = setting(
        "all",
        "What the saved files tell. all: the graph that leads to this node, and all settings. recipe: what sd-scripts "
        "writes (settings, folder names, tags of the captions), no graph, no sample prompts. minimal: what a loader "
        "needs, hashes, and the fields below. whole page: all, and also the notes and other nodes of the page. None "
        "holds an absolute path. Changed later, it is written into the files of a finished run, without training.",
        advanced=True,
    )
    training_comment: str = setting(
        "",
        "A comment in the saved files, for whoever reads them.",
        flag="training_comment",
        advanced=True,
    )
    metadata_title: str = setting(
        "",
        "Title in the saved files. Empty: the output_name.",
        flag="metadata_title",
        key="modelspec.title",
        advanced=True,
    )
    metadata_author: str = setting(
        "", "Author, told in the saved files.", flag="metadata_author", key="modelspec.author", advanced=True
    )
    metadata_description: str = setting(
        "",
        "Description, told in the saved files.",
        flag="metadata_description",
        key="modelspec.description",
        advanced=True,
    )
    metadata_license: str = setting(
        "",
        "Licence, told in the saved files, such as CC-BY-4.0.",
        flag="metadata_license",
        key="modelspec.license",
        advanced=True,
    )
    metadata_tags: str = setting(
        "",
        "Tags for finding the file, separated by commas.",
        flag="metadata_tags",
        key="modelspec.tags",
        advanced=True,
    )
    metadata_trigger_phrase: str = setting(
        "",
        "What a prompt has to hold. Empty: the caption_prefix, else the class_tokens of the pictures.",
        flag="metadata_trigger_phrase",
        key="modelspec.trigger_phrase",
        advanced=True,
    )
    metadata_usage_hint: str = setting(
        "",
        "How the file is to be used, such as a strength.",
        flag="metadata_usage_hint",
        key="modelspec.usage_hint",
        advanced=True,
    )
    train_unknown_model: bool = setting(
        False,
        "Also train a model that Athanor does not know, if ComfyUI makes pictures with it and its sampling is a usual one. "
        "Its layers are guessed and nobody has tested it: warnings say what is guessed. No effect on models that Athanor knows.",
        advanced=True,
    )

    @property
    def arithmetic(self) -> str:
        """The number format of the arithmetic: mixed_precision, but full_precision's where that is set and mixed_precision is auto,
        since weights in 16 bits need arithmetic in the same format.
        """
        return (
            self.full_precision
            if self.mixed_precision == "auto" and self.full_precision != "no"
            else self.mixed_precision
        )

    @property
    def batches_per_step(self) -> int:
        """Batches per update over all processes; times batch_size it is the effective batch size."""
        return self.gradient_accumulation_steps * self.processes

    @field_validator("gradient_checkpointing", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        """Take True and False, which workflows hold that were saved when this was a switch."""
        return SWITCH.get(str(value), value)
