"""The config nodes (Network, Block, Loss, Noise, Optimizer, Sample, Cache, Conditioning, Validation): settings for Train LoRA."""

from __future__ import annotations

from typing import Any, ClassVar

from comfy_api.latest import io

from ..training_core.host import devices, guard, node_tools, usable
from ..training_core.optim import args
from ..training_core.settings import (
    BlockSettings,
    CacheSettings,
    ConditioningSettings,
    LossSettings,
    NetworkSettings,
    NoiseSettings,
    OptimizerSettings,
    SamplingSettings,
    Settings,
    ValidationSettings,
)
from . import types
from .schema import inputs, pick, sentence


class _Config(io.ComfyNode):
    """A node that passes on one settings group, made from its widgets."""

    SETTINGS: ClassVar[type[Settings]]
    OUTPUT: ClassVar[Any]  # its socket type
    NAME: ClassVar[str]  # "Network": the node is called Network Config, its output network
    ABOUT: ClassVar[str]
    ALIASES: ClassVar[tuple[str, ...]]
    FOR: ClassVar[str] = "For Train LoRA."
    MARK: ClassVar[str] = ""  # behind the name, where nodes of other packs are called the same

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs, made from SETTINGS, and the group as its output."""
        return io.Schema(
            node_id=cls.__name__,
            display_name=f"{cls.NAME} Config{cls.MARK}",
            category="Athanor/config",
            description=cls.ABOUT,
            search_aliases=list(cls.ALIASES),
            inputs=inputs(cls.SETTINGS),
            outputs=[cls.OUTPUT.Output(cls.OUTPUT.io_type.removeprefix("ATHANOR_").lower(), tooltip=cls.FOR)],
        )

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """Return the widgets as one settings group; the AthanorError about a wrong value names its field."""
        return io.NodeOutput(pick(cls.SETTINGS, values))


class AthanorNetworkConfig(io.ComfyNode):
    """Sets which layers of the model are trained, and the kind and rank of the network that is trained (LoRA, LoKr, ...)."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs, made from NetworkSettings, with a model to list its layers, and its outputs."""
        return io.Schema(
            node_id="AthanorNetworkConfig",
            display_name="Network Config",
            category="Athanor/config",
            description="The network that is trained beside the frozen model: LoRA and all LyCORIS algorithms.",
            search_aliases=["lora settings", "lycoris", "rank", "network dim", "alpha", "lokr", "dora", "oft"],
            inputs=[
                *inputs(NetworkSettings),
                types.Blocks.Input(
                    "blocks", optional=True, tooltip="From Block Config: rank and learning rate block by block."
                ),
                io.Model.Input(
                    "model", optional=True, tooltip="Only for the text output, which lists the layers of this model."
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="Only for the text output: the model's text encoders, if they are trained.",
                ),
            ],
            outputs=[
                types.Network.Output("network", tooltip="For Train LoRA."),
                io.String.Output("text", tooltip="With a model connected: what is trained, block by block."),
            ],
        )

    @classmethod
    def execute(cls, model: Any = None, clip: Any = None, blocks: Any = None, **values: Any) -> io.NodeOutput:
        """Return the checked settings, and a text that lists the trained layers of the connected model."""
        from ..training_core.host import detection
        from ..training_core.network import build, table
        from ..training_core.run.train_target import parts_of

        settings = pick(NetworkSettings, values | ({"blocks": blocks} if blocks else {}))
        model, clip = usable.usable("model", model), usable.usable("clip", clip)
        if model is None or (settings.text and clip is None):
            missing = "a model" if model is None else "its clip as well"
            return io.NodeOutput(settings, f"Connect {missing} to see which layers are trained.")
        if settings.algo == "finetune":
            count = sum(p.numel() for p in model.model.diffusion_model.parameters())
            return io.NodeOutput(settings, f"The model itself is trained, {count / 1e6:.1f} M parameters.")
        with guard.training():
            encoders = clip.cond_stage_model if settings.text else None
            family = detection.detect(model, unknown=True)
            parts = parts_of(settings, model, family, model.model.diffusion_model, encoders)
            return io.NodeOutput(settings, table.table(build.create(parts, settings, 0)))


class AthanorBlockConfig(_Config):
    """Sets rank and learning rate block by block."""

    SETTINGS, OUTPUT, NAME = BlockSettings, types.Blocks, "Block"
    ABOUT = "Rank and learning rate block by block, in sd-scripts' notation or by layer name. For Network Config."
    ALIASES = ("block weights", "lbw", "down_lr_weight", "block_dims", "layer rank")
    FOR = "For Network Config."


class AthanorLossConfig(_Config):
    """Sets the loss function and the weight of each timestep in it."""

    SETTINGS, OUTPUT, NAME = LossSettings, types.Loss, "Loss"
    ABOUT = "Loss function, and how much each timestep counts in it."
    ALIASES = ("min snr gamma", "debiased estimation", "huber")


class AthanorNoiseConfig(_Config):
    """Sets the noise that is added to pictures, and which timesteps are trained."""

    SETTINGS, OUTPUT, NAME = NoiseSettings, types.Noise, "Noise"
    ABOUT = "Noise offset, multires (pyramid) noise, input perturbation and timestep sampling."
    ALIASES = ("noise offset", "pyramid noise", "multires noise", "ip noise gamma")


class AthanorOptimizerConfig(_Config):
    """Sets the optimizer, the learning rates and their schedule."""

    SETTINGS, OUTPUT, NAME, MARK = OptimizerSettings, types.Optimizer, "Optimizer", " (Athanor)"
    ABOUT = "Optimizer, learning rate and learning-rate schedule."
    ALIASES = (
        "optimizer",
        "adamw",
        "lion",
        "prodigy",
        "dadaptation",
        "schedule free",
        "learning rate",
        "scheduler",
        "warmup",
        "ema",
    )

    @classmethod
    def validate_inputs(cls, optimizer_args: str | None = None) -> bool | str:
        """Return True if optimizer_args can be read, else what is wrong (None: linked or missing)."""
        return sentence(lambda: args.parse(str(optimizer_args)), optimizer_args=optimizer_args)

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """Return the settings, after checking that the optimizer's package is installed and takes its arguments."""
        from ..training_core.optim import optimizers, schedulers

        settings = pick(OptimizerSettings, values)
        schedulers.check(settings)
        optimizers.choose(settings, devices.compute_device())
        return io.NodeOutput(settings)


class AthanorSampleConfig(_Config):
    """Sets the sample pictures that are drawn during training."""

    SETTINGS, OUTPUT, NAME = SamplingSettings, types.Samples, "Sample"
    ABOUT = "Draws sample pictures during training with ComfyUI's own sampler. They do not affect the training."
    ALIASES = ("sample prompts", "preview while training", "sample every n epochs")

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the inputs of SamplingSettings; sampler and scheduler are chosen from the host's lists."""
        schema = super().define_schema()
        schema.inputs.append(
            io.Model.Input(
                "sampling_model",
                optional=True,
                tooltip="Draw the samples with this model, and the LoRA as it is by then on it: train on the base model and look on "
                "its turbo, or train with an adapter in front of MODEL and look without it. Unconnected: the model that is trained. "
                "Set steps and cfg as this model needs them.",
            )
        )
        schema.inputs.append(
            types.Scorer.Input(
                "likeness",
                optional=True,
                tooltip="From Likeness: each sample is compared with the training pictures as it is drawn. The training does not change.",
            )
        )
        options = {"sampler_name": node_tools.sampler_names(), "scheduler": node_tools.scheduler_names()}
        for i, widget in enumerate(schema.inputs):
            if widget.id in options and isinstance(widget, io.WidgetInput):
                schema.inputs[i] = io.Combo.Input(
                    widget.id,
                    options=list(options[widget.id]),
                    default=widget.default,
                    optional=True,
                    advanced=widget.advanced,
                    tooltip=widget.tooltip,
                )
        return schema

    @classmethod
    def execute(cls, sampling_model: Any = None, likeness: Any = None, **values: Any) -> io.NodeOutput:
        """Return the checked settings with the connected MODEL and scorer (None: unconnected)."""
        return io.NodeOutput(types.SampleInputs(pick(SamplingSettings, values), sampling_model, likeness))


class AthanorCacheConfig(_Config):
    """Sets how encoded pictures and captions are cached."""

    SETTINGS, OUTPUT, NAME = CacheSettings, types.Cache, "Cache"
    ABOUT = "How latents are drawn from the VAE, and where encoded pictures and captions are cached for the next run."
    ALIASES = ("cache latents", "vae batch size", "cache text encoder outputs")


class AthanorConditioningConfig(_Config):
    """Sets what the model gets as input besides the noisy latent."""

    SETTINGS, OUTPUT, NAME = ConditioningSettings, types.Conditioning, "Conditioning"
    ABOUT = "For special cases: guidance of Flux, dropout of single text encoders, SDXL's crop coordinates."
    ALIASES = ("guidance scale", "clip_l dropout", "t5 dropout", "sdxl crop")


class AthanorValidationConfig(io.ComfyNode):
    """Sets the probe: on which pictures and how often the validation loss is measured."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs, made from ValidationSettings, with optional pictures for the probe, and its output."""
        return io.Schema(
            node_id="AthanorValidationConfig",
            display_name="Validation Config",
            category="Athanor/config",
            description="The probe, a validation loss: measured during training on the same pictures, noise and timesteps each "
            "time, either held-out pictures or training pictures.",
            search_aliases=[
                "validation loss",
                "validation split",
                "overfitting",
                "probe",
                "early stopping",
                "patience",
            ],
            inputs=[
                *inputs(ValidationSettings),
                types.Buckets.Input(
                    "buckets", optional=True, tooltip="Pictures used only for the probe, from a Bucketer of their own."
                ),
            ],
            outputs=[types.Validation.Output("validation", tooltip="For Train LoRA.")],
        )

    @classmethod
    def execute(cls, buckets: Any = None, **values: Any) -> io.NodeOutput:
        """Return the checked settings with the connected buckets (None: unconnected)."""
        return io.NodeOutput(types.ProbeInputs(pick(ValidationSettings, values), buckets))
