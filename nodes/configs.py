"""Network, Loss, Noise and Optimizer Config: groups of settings for Train LoRA."""

from __future__ import annotations

from typing import Any, ClassVar

from comfy_api.latest import io

from ..training_core.host import devices, guard, node_tools
from ..training_core.network import build, table
from ..training_core.optim import args, optimizers, schedulers
from ..training_core.run.train_target import parts_of
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
    """A node that is a settings group: widgets in, the group out."""

    SETTINGS: ClassVar[type[Settings]]
    OUTPUT: ClassVar[Any]  # its socket type
    NAME: ClassVar[str]  # "Network": the node is called Network Config, its output network
    ABOUT: ClassVar[str]
    ALIASES: ClassVar[tuple[str, ...]]
    FOR: ClassVar[str] = "For Train LoRA."

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from the settings group."""
        return io.Schema(
            node_id=cls.__name__,
            display_name=f"{cls.NAME} Config",
            category="Athanor/config",
            description=cls.ABOUT,
            search_aliases=list(cls.ALIASES),
            inputs=inputs(cls.SETTINGS),
            outputs=[cls.OUTPUT.Output(cls.OUTPUT.io_type.removeprefix("ATHANOR_").lower(), tooltip=cls.FOR)],
        )

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """The widgets' values as one group of settings; the first wrong one is an AthanorError that names it."""
        return io.NodeOutput(pick(cls.SETTINGS, values))


class AthanorNetworkConfig(io.ComfyNode):
    """Which layers of the model are trained, and the kind of network that is put beside them (LoRA, LoKr, ...) with its rank."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from NetworkSettings, and the model to list its layers."""
        return io.Schema(
            node_id="AthanorNetworkConfig",
            display_name="Network Config",
            category="Athanor/config",
            description="The network that is trained beside the frozen model: LoRA and all of LyCORIS' algorithms.",
            search_aliases=["lycoris", "rank", "network dim", "alpha", "lokr", "dora", "oft"],
            inputs=[
                *inputs(NetworkSettings),
                types.Blocks.Input(
                    "blocks", optional=True, tooltip="From Block Config: rank and learning rate block by block."
                ),
                io.Model.Input(
                    "model", optional=True, tooltip="Only for the text: the model whose layers are listed there."
                ),
                io.Clip.Input(
                    "clip", optional=True, tooltip="Only for the text: its text encoders, if they are to be trained."
                ),
            ],
            outputs=[
                types.Network.Output("network", tooltip="For Train LoRA."),
                io.String.Output("text", tooltip="With a model connected: what is trained, block by block."),
            ],
        )

    @classmethod
    def execute(cls, model: Any = None, clip: Any = None, blocks: Any = None, **values: Any) -> io.NodeOutput:
        """The settings, checked, and what they mean for the model."""
        settings = pick(NetworkSettings, values | ({"blocks": blocks} if blocks else {}))
        if model is None or (settings.text and clip is None):
            missing = "a model" if model is None else "its clip as well"
            return io.NodeOutput(settings, f"Connect {missing} to see which layers are trained.")
        if settings.algo == "finetune":
            count = sum(p.numel() for p in model.model.diffusion_model.parameters())
            return io.NodeOutput(settings, f"The model itself is trained, {count / 1e6:.1f} M parameters.")
        with guard.training():
            encoders = clip.cond_stage_model if settings.text else None
            parts = parts_of(settings, model, model.model.diffusion_model, encoders)
            return io.NodeOutput(settings, table.table(build.create(parts, settings, 0)))


class AthanorBlockConfig(_Config):
    """Rank and learning rate block by block."""

    SETTINGS, OUTPUT, NAME = BlockSettings, types.Blocks, "Block"
    ABOUT = "Rank and learning rate block by block, in sd-scripts' notation or by layer name. For Network Config."
    ALIASES = ("block weights", "lbw", "down_lr_weight", "block_dims", "layer rank")
    FOR = "For Network Config."


class AthanorLossConfig(_Config):
    """How the error of a prediction becomes a loss: l2, huber, min-SNR and other weights."""

    SETTINGS, OUTPUT, NAME = LossSettings, types.Loss, "Loss"
    ABOUT = "Loss function and timestep weights."
    ALIASES = ("min snr gamma", "debiased estimation", "huber")


class AthanorNoiseConfig(_Config):
    """What noise is mixed in."""

    SETTINGS, OUTPUT, NAME = NoiseSettings, types.Noise, "Noise"
    ABOUT = "Noise offset, multires (pyramid) noise and input perturbation."
    ALIASES = ("noise offset", "pyramid noise", "multires noise", "ip noise gamma")


class AthanorOptimizerConfig(_Config):
    """How the network learns."""

    SETTINGS, OUTPUT, NAME = OptimizerSettings, types.Optimizer, "Optimizer"
    ABOUT = "Optimizer, learning rate and its schedule."
    ALIASES = (
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
    def validate_inputs(cls, optimizer_args: str | None) -> bool | str:
        """The arguments can be read (None: linked, checked when the node runs)."""
        return optimizer_args is None or sentence(lambda: args.parse(optimizer_args))

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """The settings, once the optimizer's package is there and takes the arguments."""
        settings = pick(OptimizerSettings, values)
        schedulers.check(settings)
        optimizers.choose(settings, devices.compute_device())
        return io.NodeOutput(settings)


class AthanorSampleConfig(_Config):
    """Pictures that are drawn with the network as it is, every so many epochs or steps."""

    SETTINGS, OUTPUT, NAME = SamplingSettings, types.Samples, "Sample"
    ABOUT = "Pictures drawn while training, with ComfyUI's own sampler; training is not changed by them."
    ALIASES = ("sample prompts", "preview while training", "sample every n epochs")

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from SamplingSettings, samplers as the host lists them."""
        schema = super().define_schema()
        options = {"sampler_name": node_tools.sampler_names(), "scheduler": node_tools.scheduler_names()}
        for i, given in enumerate(schema.inputs):
            if given.id in options and isinstance(given, io.WidgetInput):
                schema.inputs[i] = io.Combo.Input(
                    given.id, options=list(options[given.id]), default=given.default, tooltip=given.tooltip
                )
        return schema


class AthanorCacheConfig(_Config):
    """What is kept of encoded pictures and captions."""

    SETTINGS, OUTPUT, NAME = CacheSettings, types.Cache, "Cache"
    ABOUT = "How latents are drawn, and where encoded pictures and captions are kept for the next run."
    ALIASES = ("cache latents", "vae batch size", "cache text encoder outputs")


class AthanorConditioningConfig(_Config):
    """What the model is told beside the latent."""

    SETTINGS, OUTPUT, NAME = ConditioningSettings, types.Conditioning, "Conditioning"
    ABOUT = "Guidance of Flux, dropout of single text encoders, SDXL's crop: for special cases."
    ALIASES = ("guidance scale", "clip_l dropout", "t5 dropout", "sdxl crop")


class AthanorValidationConfig(io.ComfyNode):
    """How often the loss on a fixed set of pictures, noise and timesteps is measured, and on which pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from ValidationSettings, and pictures of one's own."""
        return io.Schema(
            node_id="AthanorValidationConfig",
            display_name="Validation Config",
            category="Athanor/config",
            description="The probe: the same pictures, noise and timesteps looked at again and again while training, on "
            "held-out pictures or on those of the training.",
            search_aliases=["validation loss", "validation split", "overfitting", "probe"],
            inputs=[
                *inputs(ValidationSettings),
                types.Buckets.Input(
                    "buckets", optional=True, tooltip="Pictures for the probe alone, from a Bucketer of their own."
                ),
            ],
            outputs=[types.Validation.Output("validation", tooltip="For Train LoRA.")],
        )

    @classmethod
    def execute(cls, buckets: Any = None, **values: Any) -> io.NodeOutput:
        """The settings, checked, with the pictures."""
        return io.NodeOutput((pick(ValidationSettings, values), buckets))
