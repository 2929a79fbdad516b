"""The pack's nodes: each describes its inputs and outputs, and makes one call into the training core."""

from __future__ import annotations

import gc

from comfy_api.latest import ComfyExtension, io

from ..training_core.host import determinism, node_tools
from . import (
    axis_routes,
    compare_routes,
    dataset_routes,
    folder_routes,
    help_routes,
    hints,
    http,
    missing,
    preset_routes,
    publish_routes,
    queue_routes,
    recipe_export_routes,
    recipe_routes,
    refusals,
    run_files_routes,
    run_manage_routes,
    run_routes,
    saved_prompts,
    stopping,
    sweep_told,
    upload_routes,
)
from .axes import AthanorLoRARunAxis, AthanorXYZAxis, AthanorXYZModelAxis, AthanorXYZZip
from .buckets import AthanorBucketer
from .caption_files import AthanorDatasetImages, AthanorSaveCaptions
from .caption_tools import AthanorBalanceRepeats, AthanorCaptionEdit, AthanorMergeTags
from .compare import AthanorXYZCompare, AthanorXYZGridImage, AthanorXYZPlan
from .configs import (
    AthanorBlockConfig,
    AthanorCacheConfig,
    AthanorConditioningConfig,
    AthanorLossConfig,
    AthanorNetworkConfig,
    AthanorNoiseConfig,
    AthanorOptimizerConfig,
    AthanorSampleConfig,
    AthanorValidationConfig,
)
from .dataset import AthanorDatasetFromImages, AthanorDatasetLoader
from .doctor import AthanorDatasetDoctor
from .import_recipe import AthanorImportRecipe
from .likeness import AthanorLikeness
from .lora_blocks import AthanorLoadLoRABlocks
from .lora_edit import AthanorLoRAEdit
from .lora_extract import AthanorLoRAExtract
from .lora_info import AthanorLoRAInfo
from .loss_compare import AthanorLossCompare
from .lr_plot import AthanorLRPlot
from .sweep import AthanorSweep
from .timesteps import AthanorTimestepPlot
from .train import AthanorTrainLoRA

WITH_ROUTES = (
    run_routes,
    run_files_routes,
    run_manage_routes,
    queue_routes,
    publish_routes,
    recipe_export_routes,
    recipe_routes,
    dataset_routes,
    folder_routes,
    upload_routes,
    compare_routes,
    help_routes,
    missing,
    hints,
    sweep_told,
    preset_routes,
    axis_routes,
)
"""The modules that add routes to the host's server."""


class AthanorExtension(ComfyExtension):
    """The entry point through which ComfyUI loads the pack's nodes and routes."""

    async def on_load(self) -> None:
        """Set cuBLAS' environment variables, which it reads once when it starts, and add routes and handlers of prompts and signals.

        What ComfyUI has imported up to now (400,000 objects) is no garbage until it ends. Every full collection walked over it,
        0.5 s in which no thread of the server runs; objects that are frozen are passed over.
        """
        determinism.prepare()
        node_tools.begin_log()
        saved_prompts.register()
        refusals.register()
        for part in WITH_ROUTES:
            part.register()
        http.anything_else("/athanor")
        stopping.register()
        gc.freeze()

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return all nodes of the pack, in the order of a workflow."""
        return [
            AthanorDatasetLoader,
            AthanorDatasetFromImages,
            AthanorDatasetDoctor,
            AthanorCaptionEdit,
            AthanorMergeTags,
            AthanorDatasetImages,
            AthanorSaveCaptions,
            AthanorBalanceRepeats,
            AthanorBucketer,
            AthanorNetworkConfig,
            AthanorBlockConfig,
            AthanorLossConfig,
            AthanorNoiseConfig,
            AthanorOptimizerConfig,
            AthanorCacheConfig,
            AthanorConditioningConfig,
            AthanorValidationConfig,
            AthanorSampleConfig,
            AthanorImportRecipe,
            AthanorTimestepPlot,
            AthanorLRPlot,
            AthanorTrainLoRA,
            AthanorSweep,
            AthanorXYZCompare,
            AthanorXYZAxis,
            AthanorLoRARunAxis,
            AthanorXYZModelAxis,
            AthanorXYZZip,
            AthanorXYZPlan,
            AthanorXYZGridImage,
            AthanorLikeness,
            AthanorLossCompare,
            AthanorLoRAInfo,
            AthanorLoadLoRABlocks,
            AthanorLoRAEdit,
            AthanorLoRAExtract,
        ]
