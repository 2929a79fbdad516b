"""What comes through a port: models that a file lacks, and those of another kind of model."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import whole_run
from athanor.training_core.errors import AthanorError

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.fixture(scope="module")
def sd15(checkpoints):
    """(MODEL, CLIP, VAE) of the small SD1.5: its latents and texts are of other sizes than SD3's."""
    return whole_run.models_of(checkpoints["sd15"])


@pytest.fixture(scope="module")
def empty_vae():
    """What Load Checkpoint gives for a file without a VAE."""
    import comfy.sd

    vae = comfy.sd.VAE(sd={})
    assert vae is not None and vae.first_stage_model is None
    return vae


def test_a_port_with_nothing_in_it_is_missing(models, empty_vae, tmp_path, monkeypatch):
    from athanor.nodes.train import AthanorTrainLoRA
    from athanor.training_core.compare import prepare
    from athanor.training_core.errors import AthanorError

    monkeypatch.setattr(AthanorTrainLoRA, "hidden", SimpleNamespace(prompt={}, unique_id="1"))
    model, clip, vae = models
    for port, given in (("vae", (model, clip, empty_vae)), ("clip", (model, None, vae)), ("model", (None, clip, vae))):
        words = f"^{port} is missing: this checkpoint has none; connect a loader"
        with pytest.raises(AthanorError, match=words):
            AthanorTrainLoRA.execute(*given, None)
        with pytest.raises(AthanorError, match=words):
            prepare.prepare(SimpleNamespace(models=given), tmp_path)


def test_a_model_axis_without_vae_takes_the_connected_one(models, empty_vae):
    from athanor.nodes.axes import AthanorXYZModelAxis
    from athanor.training_core.compare import prepare

    model, clip, vae = models
    graph = {"1": {"inputs": {"model": ["9", 0], "clip": ["9", 1], "vae": ["9", 2]}}}
    AthanorXYZModelAxis.hidden = SimpleNamespace(prompt=graph, unique_id="1")
    axis = AthanorXYZModelAxis.execute(model, "other", clip, empty_vae).args[0]
    (each,) = axis.graph_models
    assert each.links == {"model": ["9", 0], "clip": ["9", 1]}  # the graph of a cell takes the connected VAE as well
    assert prepare._completed(each, (None, None, vae)) == (model, clip, vae)


def test_a_checkpoint_file_without_vae_takes_the_connected_one(models, monkeypatch, empty_vae):
    from athanor.training_core.compare.model_cache import ModelCache
    from athanor.training_core.host import sampling

    model, clip, vae = models
    loader = SimpleNamespace(load_checkpoint=lambda name: (model, clip, empty_vae))
    monkeypatch.setattr(sampling.host_nodes, "CheckpointLoaderSimple", lambda: loader)
    monkeypatch.setattr(sampling, "make_room", lambda: None)
    cache = ModelCache(connected=models, variants=SimpleNamespace(forget=lambda: None))
    cell = SimpleNamespace(vae="", widgets=(), model="no_vae.safetensors")
    assert not cache.brings_vae(cell) and cache._vae_of(cell) is vae


def test_a_value_without_weights_has_a_fingerprint(empty_vae, models):
    from athanor.training_core.host import fingerprint

    assert fingerprint.value(empty_vae) == fingerprint.value(None) != fingerprint.value(models[2])


def test_parts_of_another_model_are_named_with_both_sizes(models, sd15):
    """In Train LoRA and XYZ Compare, before a picture is encoded or drawn."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import text, usable

    words = r"vae is of another kind of model: it makes latents of 4 channels for each 8 pixels, and the model takes 16 for each 8; "
    with pytest.raises(AthanorError, match=words):
        usable.check(*models[:2], sd15[2])
    for model, (_, clip, vae) in ((models, models), (sd15, sd15)):
        encoded = text.encode(clip, "a fox")[0]
        usable.check(model[0], clip, vae)
        usable.check_text(model[0], encoded.cond, encoded.extras)
    words = "clip is of another kind of model: it gives text of width 768, and the model takes 4096; connect"
    with pytest.raises(AthanorError, match=words):
        usable.check_text(models[0], encoded.cond, encoded.extras)
    pooled = {"pooled_output": torch.zeros(1, 768)}
    with pytest.raises(AthanorError, match="it gives pooled text of width 768, and the model takes 2048"):
        usable.check_text(models[0], torch.zeros(1, 77, 4096), pooled)


def test_a_foreign_text_encoder_is_refused_before_any_picture_is_encoded(run, models, sd15, monkeypatch):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.run import encoded

    monkeypatch.setattr(encoded.host_vae, "encode", lambda *_: pytest.fail("a picture was encoded"))
    with pytest.raises(AthanorError, match="clip is of another kind of model: it gives text of width 768"):
        run("foreign", clip=sd15[1])


@pytest.mark.parametrize("upscaler", ["SD_X4", "HunyuanImage21Refiner"])
def test_an_upscaler_works_with_its_own_vae(comfy, upscaler):
    """ComfyUI's latent formats of these two have the sizes of another model's VAE."""
    import comfy.latent_formats
    from athanor.training_core.host import usable

    vae = SimpleNamespace(latent_channels=32, spacial_compression_encode=lambda: 4)
    model = SimpleNamespace(model=SimpleNamespace(latent_format=getattr(comfy.latent_formats, upscaler)()))
    usable.check_vae(model, vae)
    model.model.latent_format = comfy.latent_formats.SD15()
    with pytest.raises(AthanorError, match="vae is of another kind of model"):
        usable.check_vae(model, vae)


def test_sizes_of_which_a_vae_leaves_out_the_edge_are_told():
    """LTX-Video's makes a latent of 32 pixels, Wan 2.2's of 16; most have 8, of which every bucket is a multiple."""
    from athanor.training_core.host import usable

    vae = SimpleNamespace(spacial_compression_encode=lambda: 32)
    assert usable.cut_off(vae, [(256, 256), (320, 192)]) == []
    (said,) = usable.cut_off(vae, [(256, 256), (264, 248)])
    assert said.startswith("The VAE works in steps of 32 pixels") and "264x248" in said and "bucket_reso_steps" in said
