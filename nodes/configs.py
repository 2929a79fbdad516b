"""Network, Loss, Noise and Optimizer Config: groups of settings for Train LoRA."""

from __future__ import annotations

from typing import Any, ClassVar

from comfy_api.latest import io

from ..training_core.optim import args, optimizers
from ..training_core.settings import LossSettings, NetworkSettings, NoiseSettings, OptimizerSettings, Settings
from . import types
from .schema import inputs, pick, sentence


class _Config(io.ComfyNode):
    """Hands its settings group on."""

    SETTINGS: ClassVar[type[Settings]]

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """The settings, checked."""
        return io.NodeOutput(pick(cls.SETTINGS, values))


class AthanorNetworkConfig(_Config):
    """What is trained."""

    SETTINGS = NetworkSettings

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from NetworkSettings."""
        return io.Schema(
            node_id="AthanorNetworkConfig",
            display_name="Network Config",
            category="Athanor/config",
            description="The network that is trained beside the frozen model: LoRA, LoCon, LoHa or LoKr.",
            search_aliases=["lycoris", "rank", "network dim", "alpha", "lokr"],
            inputs=inputs(NetworkSettings),
            outputs=[types.Network.Output("network", tooltip="For Train LoRA.")],
        )


class AthanorLossConfig(_Config):
    """How errors count."""

    SETTINGS = LossSettings

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from LossSettings."""
        return io.Schema(
            node_id="AthanorLossConfig",
            display_name="Loss Config",
            category="Athanor/config",
            description="Loss function and timestep weights.",
            search_aliases=["min snr gamma", "debiased estimation", "huber"],
            inputs=inputs(LossSettings),
            outputs=[types.Loss.Output("loss", tooltip="For Train LoRA.")],
        )


class AthanorNoiseConfig(_Config):
    """What noise is mixed in."""

    SETTINGS = NoiseSettings

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from NoiseSettings."""
        return io.Schema(
            node_id="AthanorNoiseConfig",
            display_name="Noise Config",
            category="Athanor/config",
            description="Noise offset, multires (pyramid) noise and input perturbation.",
            search_aliases=["noise offset", "pyramid noise", "multires noise", "ip noise gamma"],
            inputs=inputs(NoiseSettings),
            outputs=[types.Noise.Output("noise", tooltip="For Train LoRA.")],
        )


class AthanorOptimizerConfig(_Config):
    """How the network learns."""

    SETTINGS = OptimizerSettings

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Inputs from OptimizerSettings."""
        return io.Schema(
            node_id="AthanorOptimizerConfig",
            display_name="Optimizer Config",
            category="Athanor/config",
            description="Optimizer, learning rate and its schedule.",
            search_aliases=["adamw", "lion", "learning rate", "scheduler", "warmup"],
            inputs=inputs(OptimizerSettings),
            outputs=[types.Optimizer.Output("optimizer", tooltip="For Train LoRA.")],
        )

    @classmethod
    def validate_inputs(cls, optimizer_args: str | None) -> bool | str:
        """The arguments can be read (None: linked, checked when the node runs)."""
        return optimizer_args is None or sentence(lambda: args.parse(optimizer_args))

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """The settings, once the optimizer's package is there and takes the arguments."""
        settings = pick(OptimizerSettings, values)
        optimizers.resolve(settings)
        return io.NodeOutput(settings)
