"""Advice for a user whose GPU is full: settings of the job that would need less memory."""

from __future__ import annotations

from ..network.lycoris import needs_no_weights
from ..optim import names
from ..settings import Job


def memory_advice(job: Job, checkpointing: str = "") -> str:
    """Return settings with which a step needs less memory, as one sentence; the one that costs least comes first.

    Args:
        checkpointing: the mode that gradient_checkpointing auto has chosen; '': the setting itself.
    """
    training, network = job.training, job.network
    steps = []
    if (checkpointing or training.gradient_checkpointing) in ("off", "part"):
        steps.append("gradient_checkpointing to all")
    if job.buckets.batch_size > 1:
        steps.append("the Bucketer's batch_size to 1 (gradient_accumulation_steps makes up for it)")
    if not training.blocks_to_swap and needs_no_weights(network):
        steps.append("blocks_to_swap to some of the model's blocks")
    if training.mixed_precision == "no":
        steps.append("mixed_precision to bf16")
    if network.algo == "finetune" and training.full_precision == "no":
        steps.append("full_precision to bf16")
    steps.append("weight_dtype of the model's loader to fp8_e4m3fn")
    steps.append("the Bucketer's width and height lower")
    return f"Set {'; or '.join(steps)}."


def optimizer_memory_advice(job: Job) -> str:
    """Return settings with which the optimizer's update needs less memory, as one sentence."""
    training, network, named = job.training, job.network, names.named(job.optimizer)
    steps = []
    if not named.endswith("8bit"):
        steps.append("optimizer_type to AdamW8bit, whose state is a quarter of AdamW's")
    elif not named.startswith("Paged"):
        steps.append("optimizer_type to PagedAdamW8bit, which can move its state to main memory")
    if job.optimizer.ema_decay:
        steps.append("ema_decay to 0")
    if network.algo == "finetune":
        if training.full_precision == "no":
            steps.append("full_precision to bf16")
    else:
        steps.append("the network's rank lower")
    steps.append("weight_dtype of the model's loader to fp8_e4m3fn" if network.algo != "finetune" else "algo to lora")
    return f"Set {'; or '.join(steps)}."
