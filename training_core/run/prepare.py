"""Everything about a run that is known before the model is loaded: checked first, so that nothing fails late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.holdout import hold_out
from ..data.plan import Buckets, Length, PlannedBatch, epoch_plan, length
from ..errors import AthanorError
from ..files import write_atomically
from ..history import registry
from ..history.handle import few
from ..history.names import free_path
from ..host import diffusers, families, fingerprint, folders, guard, quantised, text
from ..host import weights as host_weights
from ..host.precision import COMPUTE, compute_dtype
from ..host.vae_float32 import encoding_dtype
from ..host.zsnr import zero_terminal
from ..network import build, diffusers_names, finetune, groups, weights
from ..objective import Objective
from ..optim import optimizers, rates, schedulers
from ..optim.hints import hints
from ..resume.continuing import Beginning
from ..resume.continuing import beginning as beginning_of
from ..settings import ConditioningSettings, Job, LossSettings, NoiseSettings, SamplingSettings, TrainingSettings
from . import prompts
from .encoded import Encodings
from .parts import parts_of
from .probe import Probe
from .samples import Samples

NO_SAMPLES = SamplingSettings(sample_every_n_epochs=0, sample_at_first=False)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that can begin."""

    model: Any  # the graph's MODEL, with zero terminal SNR if the job asks for it
    family: families.Family
    objective: Objective
    optimizer_label: str
    buckets: Buckets  # what is trained on
    conditioning: ConditioningSettings
    length: Length
    target: Path  # name.safetensors
    start: Beginning
    encodings: Encodings
    probe: Probe
    samples: Samples
    held_out: int  # pictures that only the probe sees
    begin: Callable[[Any], None]  # gives a new network its first values
    warnings: list[str]

    def plan(self, job: Job, epoch: int) -> list[PlannedBatch]:
        """The batches of an epoch (from 0)."""
        return epoch_plan(self.buckets, job.training, epoch, self.conditioning)


def prepare(
    job: Job, buckets: Buckets, model: Any, clip: Any, vae: Any, validation: Buckets | None, looks: bool = True
) -> Prepared:
    """Check a job against the graph's models.

    Args:
        looks: whether this process looks at the probe and draws samples.

    Raises:
        AthanorError: a setting, a file name or a model that the run cannot have.
    """
    model, family, objective = objective_of(model, job.loss, job.noise)
    host_weights.check(model)
    _precision(job.training, model)
    _swap(job)
    label = optimizers.label(job.optimizer, guard.device())
    schedulers.check(job.optimizer)
    begin, said = beginning(job, model, family)
    factors = _seen_to_be_possible(job, model, family, clip, begin)
    held = hold_out(buckets, job.validation, validation)
    conditioning, unused = _encoders(job.conditioning, clip)
    run_length = length(held.training, job.training)
    start = beginning_of(folders.runs_folder(), job, run_length.steps)
    target = _writable(_goes_on(start, job) or _free(start, job, family))
    sampling = job.sampling or NO_SAMPLES
    captions = few(p.caption for p in held.training.dataset.pictures)
    drawn = prompts.read(sampling, folders.input_folder(), captions) if job.sampling and looks else []
    samples = Samples(drawn, sampling, folders.run_folder(job.run_id) / "samples", target.stem, vae)
    autoencoder = fingerprint.autoencoder(vae, encoding_dtype(vae))

    def encodings(some: Buckets) -> Encodings:
        prior, crop = job.loss.prior_loss_weight, job.conditioning.sdxl_crop
        return Encodings(some, clip, vae, autoencoder, job.cache, job.training.seed, prior, crop, job.network.text)

    ours = encodings(held.training)
    probed = ours if held.probed is held.training else encodings(held.probed)
    replaced = optimizers.replaced(job.optimizer, guard.device())
    gamma = job.loss.min_snr_gamma if objective.prediction != "flow" else 0.0
    return Prepared(
        model,
        family,
        objective,
        label,
        held.training,
        conditioning,
        run_length,
        target,
        start,
        ours,
        Probe(probed, held.batches if looks else [], job.validation, held.label),
        samples,
        0 if probed is ours else len(held.probed.dataset.pictures),
        begin,
        [
            *start.said,
            *objective.warnings,
            *said,
            *_guidance(job.conditioning, family),
            *held.warnings,
            *unused,
            *_patched(model),
            *_settings(job, target.stem),
            *([replaced] if replaced else []),
            *hints(job.optimizer, run_length.steps, min_snr_gamma=gamma, factors=factors),
        ],
    )


def _seen_to_be_possible(
    job: Job, model: Any, family: families.Family, clip: Any, begin: Callable[[Any], None]
) -> list[float]:
    """Make the network and its optimizer once, without the model being loaded; factors on the learning rate."""
    module = model.model.diffusion_model
    if job.network.algo == "finetune":
        finetune.chosen(module, job.network)
        return list(rates.factors(job.optimizer, ["unet"]).values())
    encoders = clip.cond_stage_model if job.network.text else None
    with quantised.known(module):
        network = build.create(parts_of(job.network, model, module, encoders), job.network, job.training.seed)
    begin(network)
    if job.training.save_diffusers_copy:
        keys = [f"{network.file_name(lora)}.{key}" for lora in network.loras for key in lora.state_dict()]
        diffusers_names.check(keys, diffusers.modules(model, family))
    found = rates.scaled(job.optimizer, groups.parameter_groups(network, job.network, job.optimizer.learning_rate))
    optimizers.build(job.optimizer, found, guard.device())  # not every class takes every shape
    return [group["lr_scale"] for group in found]


def _writable(target: Path) -> Path:
    """`target`, once it is seen that its folder can be written to.

    Raises:
        AthanorError: it cannot.
    """
    try:
        write_atomically(target.with_suffix(".try"), lambda temporary: temporary.write_bytes(b""), durable=False)
        target.with_suffix(".try").unlink(missing_ok=True)
    except OSError as error:
        raise AthanorError(
            f"output_name: nothing can be written to {target.parent} ({error.strerror}); change its rights, or free some space."
        ) from None
    return target


def _precision(training: TrainingSettings, model: Any) -> None:
    """Weights in a 16-bit type need arithmetic in it."""
    computed = compute_dtype(model, training.arithmetic)
    if training.full_precision != "no" and COMPUTE[training.full_precision] != computed:
        raise AthanorError(
            f"full_precision is {training.full_precision}, but the model computes in {str(computed).removeprefix('torch.')}: set "
            f"mixed_precision to {training.full_precision} as well, or full_precision to no."
        )


def _swap(job: Job) -> None:
    """Weights that lie in main memory are for layers that use them as they are."""
    if job.training.blocks_to_swap and (job.network.dora or job.network.algo not in build.BYPASS):
        name = "dora" if job.network.dora else f"algo {job.network.algo}"
        raise AthanorError(
            f"blocks_to_swap does not work with {name}, which needs all weights of the model: set it to 0, or choose lora, locon, "
            "loha or lokr."
        )


def _goes_on(start: Beginning, job: Job) -> Path | None:
    """The file that a run which goes on has been writing towards; None for a new one."""
    record = registry.read(folders.run_folder(job.run_id)) if start.state and not start.before else None
    return record and record.target


def _free(start: Beginning, job: Job, family: families.Family) -> Path:
    """A name that no other run has taken, but the one that is continued."""
    own = {job.run_id, *([start.before.run_id] if start.before else [])}
    return free_path(_target(job, family), own, job.training.overwrite)


def _target(job: Job, family: families.Family) -> Path:
    """The file that the run ends with."""
    name = job.training.output_name
    if job.training.own_folder:
        name = f"{name}/{name.replace(chr(92), '/').rpartition('/')[2]}"
    if job.network.algo == "finetune":
        return folders.model_path(name, alone=not family.in_checkpoint)
    return folders.lora_path(name)


def beginning(job: Job, model: Any, family: families.Family) -> tuple[Callable[[Any], None], list[str]]:
    """What gives a new network its first values: those of network_weights, or none; and what is to be said of them.

    Raises:
        AthanorError: there is no such LoRA.
    """
    if not job.network.network_weights.strip():
        return lambda network: None, []
    tensors, told = weights.load(folders.existing_lora(job.network.network_weights.strip()))
    named = diffusers.modules(model, family)
    left = not job.network.text and any(map(weights.is_text, tensors))
    said = ["network_weights: the file's text encoder is left out, since train is unet."] if left else []
    return lambda network: weights.load_into(network, job.network, tensors, told, network.renames(), named), said


def objective_of(model: Any, loss: LossSettings, noise: NoiseSettings) -> tuple[Any, families.Family, Objective]:
    """The model as it is trained (with zero terminal SNR if asked for), its family, and the objective on it.

    Raises:
        AthanorError: the model cannot be trained, or settings contradict its prediction.
    """
    family = families.detect(model)
    schedule = families.schedule(model.get_model_object("model_sampling"))
    if noise.zero_terminal_snr and schedule.prediction != "flow":
        model = zero_terminal(model)
        schedule = families.schedule(model.get_model_object("model_sampling"))
    return model, family, Objective(loss, noise, schedule, (family.timestep_sampling, family.shift))


def _encoders(settings: ConditioningSettings, clip: Any) -> tuple[ConditioningSettings, list[str]]:
    """The dropout rates of text encoders that the graph's CLIP has, and a warning of the others."""
    rates = {"clip_l": "clip_l_dropout_rate", "clip_g": "clip_g_dropout_rate", "t5xxl": "t5_dropout_rate"}
    there = text.encoders(clip)
    unused = [rate for name, rate in rates.items() if getattr(settings, rate) and name not in there]
    kept = settings.model_copy(update=dict.fromkeys(unused, 0.0))
    has = f"it has {', '.join(there)}" if there else "it has one; caption_dropout_rate is for the whole caption"
    return kept, [f"{', '.join(unused)}: the CLIP has no such text encoder beside others ({has})."] if unused else []


def _guidance(settings: ConditioningSettings, family: families.Family) -> Iterator[str]:
    if settings.guidance_scale != ConditioningSettings().guidance_scale and not family.guidance:
        yield f"guidance_scale has no effect: {family.title} has no guidance input."


def _patched(model: Any) -> Iterator[str]:
    """What the graph has put on the model before training."""
    if model.patches:
        yield (
            f"The MODEL has a LoRA patched on (or a model merged into) {len(model.patches)} weights: the network is trained on top "
            "of it, and is to be used together with it."
        )


def _settings(job: Job, name: str) -> Iterator[str]:
    """Settings that have no effect together, and a name that is not the one asked for, in words."""
    if job.network.dropout and job.network.algo in ("loha", "lokr"):
        yield f"dropout has no effect with {job.network.algo}; rank_dropout and module_dropout have."
    if job.network.algo not in ("lora", "locon"):
        for field in ("scale_weight_norms", "loraplus_lr_ratio"):
            if getattr(job.network, field):
                yield f"{field} has no effect with {job.network.algo}; it is for lora and locon."
    if job.network.algo == "finetune" and job.training.save_diffusers_copy:
        yield "save_diffusers_copy has no effect with algo finetune."
    if job.network.preset == "full" and not job.network.conv_rank:
        yield "preset full without conv_rank: 3x3 convolutions are not trained."
    if name != job.training.output_name.replace("\\", "/").rpartition("/")[2].strip():
        yield f"{job.training.output_name}.safetensors is from another run; this one is saved as {name}."
