"""Everything about a run that is known before the model is loaded: checked first, so that nothing fails late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data.hints import dataset_hints
from ..data.holdout import ProbeSplit, hold_out, probe_batches, probe_plan
from ..data.plan import Buckets, Length, PlannedBatch, epoch_plan, length
from ..families import Controls, Family
from ..host import detection, devices, diffusers, fingerprint, folders, quantised, text, usable
from ..host import weights as host_weights
from ..host.precision import COMPUTE, compute_dtype
from ..host.vae_float32 import encoding_dtype
from ..network import build, diffusers_names, finetune, groups
from ..objective import Objective
from ..objective.schedule import Schedule
from ..optim import optimizers, rates, schedulers
from ..optim.optimizers import OptimizerChoice
from ..resume.continuing import StartPoint, start_point
from ..settings import Job, NoiseSettings, SamplingSettings, ValidationSettings
from . import checks, hints, patience, prompts
from .advised import about_names, about_the_graph, about_the_optimizer, facts
from .edit_pairs import about_prompts, about_the_model, as_trained, captions_to_draw, check_controls, check_prompts
from .encoded import Encodings
from .first_values import FirstValues, first_values_of
from .other_model import OtherModel
from .probe import Probe
from .resolve import Circumstances, resolve
from .samples import Samples
from .target import target_of
from .train_target import parts_of

NO_SAMPLES = SamplingSettings(sample_every_n_epochs=0, sample_at_first=False)
NO_PROBE = ValidationSettings(probe_samples=0)
SIDES = "In Bucketer, correct width and height, or set bucket_reso_steps to 64."


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that can begin."""

    model: Any  # the graph's MODEL, with zero terminal SNR if the job asks for it
    family: Family
    resolved: Job  # what is trained with; the job that was asked for tells who the run is
    objective: Objective
    optimizer: OptimizerChoice
    buckets: Buckets  # what is trained on
    length: Length
    target: Path  # name.safetensors
    start: StartPoint
    encodings: Encodings
    probe: Probe
    samples: Samples
    held_out: int  # pictures that only the probe sees
    load_first_values: Callable[[Any], None]  # into a new network: those of network_weights
    notes: tuple[str, ...]  # how it goes on from what was trained before
    warnings: list[str]

    def plan(self, job: Job, epoch: int) -> list[PlannedBatch]:
        """Return the batches of an epoch (from 0)."""
        return epoch_plan(self.buckets, job.training, epoch, self.resolved.conditioning)


def prepare(
    job: Job,
    buckets: Buckets,
    model: Any,
    clip: Any,
    vae: Any,
    validation: Buckets | None,
    *,
    sampling_model: Any = None,
    scorer: Any = None,
    looks: bool = True,
) -> Prepared:
    """Check a job against the graph's models, in the order in which a user would want to know what is wrong.

    Args:
        sampling_model: the MODEL that samples are drawn with; None: `model`.
        scorer: compares samples with the training pictures; None: nobody does.
        looks: whether this process looks at the probe and draws samples.

    Raises:
        AthanorError: a setting, a file name or a model that the run cannot have.
    """
    model, family, schedule = model_to_train(model, job.noise, job.training.train_unknown_model)
    host_weights.check(model)
    if family.inpainting:
        buckets, validation = replace(buckets, inpainting=True), validation and replace(validation, inpainting=True)
    for seen in filter(None, (buckets, validation)):
        check_controls(family, seen.dataset)
    checks.check_precision(job.training, model)
    checks.check_swap(job)
    optimizer = optimizers.choose(job.optimizer, devices.compute_device())
    schedulers.check(job.optimizer)
    paired = any(p.controls for seen in filter(None, (buckets, validation)) for p in seen.dataset.pictures)
    resolved = resolve(job, replace(_circumstances(job, model, family, schedule, clip, optimizer), paired=paired))
    first_values = first_values_of(job, model, family)
    other = OtherModel(sampling_model) if sampling_model is not None and job.sampling else None
    lr_factors = _make_network_once(job, model, family, clip, first_values, optimizer, other=other)
    split = hold_out(buckets, job.validation, validation)
    run_length = length(split.training, job.training)
    start = start_point(folders.runs_folder(), job, run_length.steps)
    target = target_of(job, family, start)
    usable.check_sides(model, buckets.by_size(), SIDES)
    controls = as_trained(family, resolved.job.buckets.control_size)
    looks_at = probe_plan(job.validation, run_length.steps, _trained(split, run_length))
    encodings, probed = _encodings(resolved.job, split, model, clip, vae, controls)
    shown = {"other": other, "scorer": scorer, "looks": looks}
    samples = _samples(job, split.training, target, model, vae, controls=controls, **shown)
    return Prepared(
        model=model,
        family=family,
        resolved=resolved.job,
        objective=Objective(resolved.job.loss, resolved.job.noise, schedule),
        optimizer=optimizer,
        buckets=split.training,
        length=run_length,
        target=target,
        start=start,
        encodings=encodings,
        probe=_probe(job.validation if looks else NO_PROBE, split, run_length, start, probed),
        samples=samples,
        held_out=0 if probed is encodings else len(split.probed.dataset.pictures),
        load_first_values=first_values.load,
        notes=(*start.warnings, *([other.said] if other else [])),
        warnings=[
            *resolved.warnings,
            *first_values.warnings,
            *split.warnings,
            *patience.about(job.validation, looks_at, split.label, run_length.steps),
            *family.guessed,
            *about_the_model(family, getattr(detection.file_of(model), "name", ""), paired),
            *about_prompts(samples.prompts, paired),
            *about_the_graph(model),
            *about_names(job, target.stem),
            *([optimizer.replaced] if optimizer.replaced else []),
            *about_the_optimizer(resolved, job, run_length, lr_factors),
            *dataset_hints(buckets),
            *usable.cut_off(vae, buckets.by_size()),
            *hints.hints(facts(resolved.job, split.training, run_length, family, model)),
            *(devices.advice_on_threads() if looks else []),
        ],
    )


def model_to_train(model: Any, noise: NoiseSettings, unknown: bool) -> tuple[Any, Family, Schedule]:
    """Return the model as it is trained (with zero terminal SNR if asked for), its family and its schedule.

    Args:
        unknown: a record is guessed for a model of no known family.

    Raises:
        AthanorError: the model cannot be trained.
    """
    family = detection.detect(model, unknown)
    schedule = detection.schedule(model.get_model_object("model_sampling"))
    if noise.zero_terminal_snr and schedule.prediction != "flow":
        model = detection.zero_terminal(model)
        schedule = detection.schedule(model.get_model_object("model_sampling"))
    return model, family, replace(schedule, cell=detection.cell(model))


def _circumstances(
    job: Job, model: Any, family: Family, schedule: Schedule, clip: Any, optimizer: OptimizerChoice
) -> Circumstances:
    """Return what `resolve` has to know of this machine and these models."""
    formats = {dtype: name for name, dtype in COMPUTE.items()}
    return Circumstances(
        family=family,
        prediction=schedule.prediction,
        precision=formats.get(compute_dtype(model, job.training.arithmetic), "auto"),
        optimizer=optimizer.name,
        encoders=tuple(text.encoders(clip)),
    )


def _make_network_once(
    job: Job,
    model: Any,
    family: Family,
    clip: Any,
    first_values: FirstValues,
    optimizer: OptimizerChoice,
    *,
    other: OtherModel | None,
) -> list[float]:
    """Make the network and its optimizer once, without the model being loaded, to see that both can be had.

    Args:
        other: the MODEL that the network is put on for samples, if it is another one.

    Returns:
        the factor on the learning rate of each parameter group.

    Raises:
        AthanorError: a network that this model cannot have, weights that do not fit it, an optimizer that does not take
            parameters of these shapes.
    """
    module = model.model.diffusion_model
    if job.network.algo == "finetune":
        finetune.chosen(module, job.network)
        if other:
            other.check(None)
        return list(rates.factors(job.optimizer, ["unet"]).values())
    encoders = clip.cond_stage_model if job.network.text else None
    with quantised.as_linear(module):
        network = build.create(parts_of(job.network, model, family, module, encoders), job.network, job.training.seed)
    first_values.load(network)
    if other:
        other.check(network)
    if job.training.save_diffusers_copy:
        keys = [f"{network.file_name(lora)}.{key}" for lora in network.loras for key in lora.state_dict()]
        diffusers_names.check(keys, diffusers.modules(model, family), job.network.wd_on_output)
    parameters = groups.parameter_groups(network, job.network, job.optimizer.learning_rate)
    scaled = rates.scaled(job.optimizer, parameters)
    optimizer.build(scaled)
    return [group["lr_scale"] for group in scaled]


def _encodings(
    resolved: Job, split: ProbeSplit, model: Any, clip: Any, vae: Any, controls: Controls | None
) -> tuple[Encodings, Encodings]:
    """Return the encodings of what is trained on and of what the probe looks at: one object if these are the same pictures."""
    autoencoder = fingerprint.autoencoder(vae, encoding_dtype(vae))

    def of(buckets: Buckets) -> Encodings:
        return Encodings(
            buckets=buckets,
            clip=clip,
            vae=vae,
            autoencoder=autoencoder,
            settings=resolved.cache,
            seed=resolved.training.seed,
            prior_loss_weight=resolved.loss.prior_loss_weight,
            sdxl_crop=resolved.conditioning.sdxl_crop,
            live_text=resolved.network.text,
            check_text=lambda text: usable.check_text(model, text.cond, text.extras),
            controls=controls,
        )

    trained = of(split.training)
    return trained, trained if split.probed is split.training else of(split.probed)


def _trained(split: ProbeSplit, run_length: Length) -> float:
    """Return how many samples the whole run is trained on."""
    return run_length.steps * sum(map(len, split.training.by_size().values())) / run_length.steps_per_epoch


def _probe(
    settings: ValidationSettings, split: ProbeSplit, run_length: Length, start: StartPoint, encodings: Encodings
) -> Probe:
    """Return the probe of a run, which goes on with as many samples as it began with."""
    plan = probe_plan(settings, run_length.steps, _trained(split, run_length))
    before = start.state.probed if start.state and plan.samples else None
    batches = probe_batches(split.probed, before or plan.samples, settings.validation_seed)
    return Probe(encodings, batches, plan.every, settings.validation_seed, split.label)


def _samples(
    job: Job,
    buckets: Buckets,
    target: Path,
    model: Any,
    vae: Any,
    *,
    controls: Controls | None,
    other: OtherModel | None,
    scorer: Any,
    looks: bool,
) -> Samples:
    """Return what draws pictures while training; without Sample Config, or where this process does not look, it has no prompts."""
    sampling = job.sampling or NO_SAMPLES
    captions = captions_to_draw(buckets.dataset)
    wanted = prompts.read(sampling, folders.input_folder(), captions) if job.sampling and looks else []
    drawn_on = other.patcher if other else model
    usable.check_sides(drawn_on, [(p.width, p.height) for p in wanted], "Correct the sizes in Sample Config.")
    check_prompts(controls, wanted)
    return Samples(
        prompts=wanted,
        settings=sampling,
        folder=folders.run_folder(job.run_id) / "samples",
        name=target.stem,
        vae=vae,
        controls=controls,
        other=other,
        scorer=scorer,
    )
