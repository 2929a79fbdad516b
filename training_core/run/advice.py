"""Which settings of a job would need less memory, in words."""

from __future__ import annotations

from ..settings import Job


def relief(job: Job, checkpointing: str = "") -> str:
    """One sentence; what is in use already is left out, what costs least comes first.

    Args:
        checkpointing: what gradient_checkpointing auto has picked.
    """
    training, network = job.training, job.network
    steps = []
    if (checkpointing or training.gradient_checkpointing) in ("off", "part"):
        steps.append("gradient_checkpointing to all")
    if job.buckets.batch_size > 1:
        steps.append("the Bucketer's batch_size to 1 (gradient_accumulation_steps makes up for it)")
    if not training.blocks_to_swap and network.algo in ("lora", "locon", "loha", "lokr") and not network.dora:
        steps.append("blocks_to_swap to some of the model's blocks")
    if training.mixed_precision == "no":
        steps.append("mixed_precision to bf16")
    if network.algo == "finetune" and training.full_precision == "no":
        steps.append("full_precision to bf16")
    steps.append("weight_dtype of the model's loader to fp8_e4m3fn")
    steps.append("the Bucketer's width and height lower")
    return f"Set {'; or '.join(steps)}."
