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
        "Name of the LoRA in the loras folder; sub-folders with '/'. Epochs are saved as name-000001 and so on.",
        flag="output_name",
    )
    own_folder: bool = setting(
        False,
        "Put the run's files into a sub-folder of their own name: my_lora/my_lora-000001 and so on.",
        advanced=True,
    )
    epochs: int = setting(
        10,
        "How often the whole dataset is seen (5 to 20 is usual).",
        flag="max_train_epochs",
        key="ss_num_epochs",
        ge=1,
        le=100000,
    )
    max_train_steps: int = setting(
        0,
        "Stop after this many steps instead; 0 = by epochs.",
        flag="max_train_steps",
        ge=0,
        le=100_000_000,
        advanced=True,
    )
    gradient_accumulation_steps: int = setting(
        1,
        "Batches per update: 4 makes batch size 2 count like 8 without its memory.",
        flag="gradient_accumulation_steps",
        ge=1,
        le=1024,
        advanced=True,
    )
    mixed_precision: Literal["auto", "no", "fp16", "bf16"] = setting(
        "auto",
        "Number format of the frozen model's arithmetic. auto: the one ComfyUI loaded the model in, but bf16 instead of fp16 on "
        "a GPU that has it. The network itself is kept in float32, unless full_precision says otherwise.",
        flag="mixed_precision",
        advanced=True,
    )
    gradient_checkpointing: Literal["auto", "off", "part", "all"] = setting(
        "auto",
        "Compute blocks of the model twice to save memory. part: every second transformer block, saves about half of what can "
        "be saved for half a forward pass more; all: every block, for a whole one (what sd-scripts' flag does). auto: off where "
        "a step fits the GPU; else a step is tried, and the fastest way that fits is taken and told: blocks computed twice, "
        "batches in pieces, swapped blocks. What is learnt stays the same.",
        flag="gradient_checkpointing",
    )
    seed: int = setting(
        0,
        "Everything random in the run follows from it: the same graph gives the same LoRA.",
        flag="seed",
        ge=0,
        le=2**53,
        fixed_seed=True,
    )
    save_every_n_epochs: int = setting(
        1,
        "Keep a LoRA of every n-th epoch, to compare them; 0 = only the last.",
        flag="save_every_n_epochs",
        ge=0,
        le=100000,
    )
    save_every_n_steps: int = setting(
        0,
        "Keep a LoRA of every n-th step as well (name-step00000100); 0 = none.",
        flag="save_every_n_steps",
        ge=0,
        le=100_000_000,
        advanced=True,
    )
    save_last_n_epochs: int = setting(
        0,
        "Keep only the last n of the epochs' files while training goes on; 0 = all.",
        flag="save_last_n_epochs",
        ge=0,
        le=100000,
        advanced=True,
    )
    save_last_n_steps: int = setting(
        0,
        "Keep only files of the last n steps (counted in steps, not in files); 0 = all.",
        flag="save_last_n_steps",
        ge=0,
        le=100_000_000,
        advanced=True,
    )
    save_precision: Literal["fp16", "bf16", "float"] = setting(
        "fp16",
        "Number format in the file: fp16 is the standard, float keeps every bit.",
        flag="save_precision",
        advanced=True,
    )
    save_diffusers_copy: bool = setting(
        False,
        "Write name-diffusers.safetensors beside each file: the same LoRA in the names of diffusers (PEFT), for programs other "
        "than ComfyUI. lora and locon only.",
        advanced=True,
    )
    overwrite: bool = setting(
        False,
        "Replace LoRA files of the same name that another run has written. Off: a number is added to the name.",
        advanced=True,
    )
    retrain: bool = setting(
        False,
        "Train anew even if this very run has been trained already, or stopped half-way. Off: a finished run is used at "
        "once, a stopped one goes on.",
        advanced=True,
    )
    save_state_on_train_end: bool = setting(
        True,
        "Keep the state of the finished run (optimizer and all), so that more epochs continue it. It is several times as "
        "large as the LoRA.",
        flag="save_state_on_train_end",
        advanced=True,
    )
    log_with: Literal["none", "tensorboard", "wandb"] = setting(
        "none",
        "Send the numbers to TensorBoard (into the run's folder) or Weights & Biases (over the internet) as well.",
        flag="log_with",
        advanced=True,
    )
    full_precision: Literal["no", "fp16", "bf16"] = setting(
        "no",
        "Keep what is trained (the network, or with finetune the model) in this number format instead of float32: half the "
        "memory for it and its gradients. bf16 is rounded at random, so that small updates are not lost. Needs the same "
        "mixed_precision. Worth it for finetune and very large ranks only (sd-scripts: --full_fp16, --full_bf16).",
        flag="full_bf16",
        key="ss_full_fp16",
        advanced=True,
    )
    blocks_to_swap: int = setting(
        0,
        "Keep the weights of so many transformer blocks in main memory and copy them to the GPU when they are needed, at most two "
        "at a time: for models that do not fit (Flux has 57 blocks, SDXL 70). Saves from 3 blocks on, slower where the copies do "
        "not keep up; 0 = none. For algo lora, locon, loha and lokr.",
        flag="blocks_to_swap",
        ge=0,
        le=1000,
        advanced=True,
    )
    processes: int = setting(
        1,
        "Processes that train together, one per GPU; each has its own batches, so 2 make the batch size count twice. 1 trains "
        "in ComfyUI itself; more need the package accelerate.",
        ge=1,
        le=64,
        advanced=True,
    )
    torch_compile: bool = setting(
        False,
        "Let torch compile the model's transformer blocks: faster steps after a first one of a minute or more (once, until ComfyUI is "
        "restarted). Rounding differs a little. Needs triton on a GPU (Windows: triton-windows); where it does not work, the blocks "
        "run as usual and it is said.",
        flag="torch_compile",
        advanced=True,
    )
    deterministic: Literal["auto", "on", "off"] = setting(
        "auto",
        "On a GPU: take only algorithms that give the same bytes every time, so that the same graph and seed give the same LoRA "
        "to the byte, on one machine and card. Otherwise its attention and some sums end a little differently each time. auto: on, "
        "if a step tried at the start takes at most 10 % longer with them; what was taken is kept with the run. A CPU is always "
        "exact.",
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
