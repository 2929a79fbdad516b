"""What files of a Flux, an SDXL and an SD3 run tell is what was trained, and LoRA Info gives it back."""

from __future__ import annotations

import json
from dataclasses import replace
from unittest import mock

import pytest
import torch
from athanor.training_core import settings as s
from graphs import draw_dataset

pytestmark = pytest.mark.usefixtures("comfy")

SMALL = {
    "flux": ("flux_dev", {"context_in_dim": 64, "vec_in_dim": 64}),
    "sdxl": ("sdxl", {"context_dim": 160, "adm_in_channels": 96 + 6 * 256}),
}
"""Layout of a family, and the widths of tiny_text's encoders."""

ASKED = {
    "flux": {
        "noise": s.NoiseSettings(noise_offset=0.1),
        "loss": s.LossSettings(min_snr_gamma=5),
        "conditioning": s.ConditioningSettings(guidance_scale=3.5, clip_g_dropout_rate=0.1),
    },
    "sdxl": {
        "noise": s.NoiseSettings(noise_offset=0.1, timestep_sampling="shift", flow_shift=3.0),
        "loss": s.LossSettings(min_snr_gamma=5, weighting_scheme="cosmap"),
        "conditioning": s.ConditioningSettings(guidance_scale=3.5),
    },
    "sd3": {"noise": s.NoiseSettings(multires_noise_iterations=6), "optimizer": s.OptimizerSettings(unet_lr="2e-4")},
}
TELLS = {
    "flux": {
        "ss_base_model_version": "flux1",
        "ss_noise_offset": "None",
        "ss_min_snr_gamma": "None",
        "ss_timestep_sampling": "shift",
        "ss_discrete_flow_shift": "3.1582",
        "ss_guidance_scale": "3.5",
    },
    "sdxl": {
        "ss_base_model_version": "sdxl_base_v1-0",
        "ss_noise_offset": "0.1",
        "ss_min_snr_gamma": "5.0",
        "ss_timestep_sampling": None,
        "ss_weighting_scheme": None,
        "ss_discrete_flow_shift": None,
    },
    "sd3": {
        "ss_base_model_version": "medium",
        "ss_multires_noise_iterations": "None",
        "ss_timestep_sampling": "uniform",
        "ss_discrete_flow_shift": "1.0",
        "ss_unet_lr": "2e-4",
        "ss_text_encoder_lr": "None",
    },
}
GIVES = {
    "flux": (s.LossSettings(), s.NoiseSettings(timestep_sampling="shift", flow_shift=3.1582)),
    "sdxl": (s.LossSettings(min_snr_gamma=5), s.NoiseSettings(noise_offset=0.1)),
    "sd3": (s.LossSettings(), s.NoiseSettings(timestep_sampling="uniform", flow_shift=1.0)),
}


def models(kind: str, checkpoints):
    """(MODEL, CLIP, VAE): small ones in the family's own classes; the VAE is that of a checkpoint with as many channels."""
    import comfy.sd
    import tiny_layouts
    import tiny_text

    with torch.inference_mode():
        checkpoint = checkpoints["sd15" if kind == "sdxl" else "sd3"]
        model, clip, vae = comfy.sd.load_checkpoint_guess_config(str(checkpoint))[:3]
        if kind == "sd3":
            return model, clip, vae
        name, widths = SMALL[kind]
        layout = tiny_layouts.LAYOUTS[name]
        with mock.patch.dict(tiny_layouts.LAYOUTS, {name: replace(layout, small=layout.small | widths)}):
            return tiny_layouts.load(name), tiny_text.load(kind), vae


@pytest.mark.parametrize("kind", ASKED)
def test_a_file_tells_what_was_trained(kind, checkpoints, tmp_path, monkeypatch):
    import folder_paths
    from athanor.training_core.data import plan, scan
    from athanor.training_core.history.events import Saved, Warned
    from athanor.training_core.host import guard
    from athanor.training_core.network import info, recover
    from athanor.training_core.optim import optimizers
    from athanor.training_core.run.train import train

    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path / "output"))
    extensions = folder_paths.folder_names_and_paths["loras"][1]
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path / "loras")], extensions))
    draw_dataset(tmp_path / "ds")
    dataset = scan.scan(s.DatasetSettings(folder="ds"), tmp_path / "ds")
    buckets = plan.sort_into_buckets(dataset, s.BucketSettings(width=64, height=64, batch_size=4, min_bucket_reso=64))
    job = s.Job(
        datasets=dataset.subsets,
        buckets=buckets.settings,
        dataset_fingerprint=dataset.fingerprint,
        model_fingerprint="m",
        network=s.NetworkSettings(rank=2, alpha=0),
        training=s.TrainingSettings(output_name=kind, max_train_steps=1),
        cache=s.CacheSettings(cache_to_disk=False),
        validation=s.ValidationSettings(probe_samples=0),
        **ASKED[kind],
    )
    tried, attempt = [], optimizers._try
    monkeypatch.setattr(optimizers, "_try", lambda *args: tried.append(args[0]) or attempt(*args))
    with guard.training():
        events = list(train(job, buckets, *models(kind, checkpoints)))
    (last,) = [event for event in events if isinstance(event, Saved) and event.kind == "last"]
    assert tried == [torch.optim.AdamW]  # once, and passed on
    lora = info.read(last.path)
    assert {key: lora.metadata.get(key) for key in TELLS[kind]} == TELLS[kind]
    common = {"ss_mixed_precision": "no", "ss_gradient_checkpointing": "False", "ss_network_alpha": "2.0"}
    assert {key: lora.metadata[key] for key in common} == common
    assert lora.metadata["athanor_run_id"] == job.run_id and lora.metadata["ss_max_train_steps"] == "1"
    assert json.loads(lora.metadata["athanor_job"]) == json.loads(job.model_dump_json())
    alone = {key: text for key, text in lora.metadata.items() if key not in ("athanor_job", "athanor_trained")}
    for fields in (lora.metadata, alone):
        recovered = recover.recover(fields, (layer.part for layer in lora.layers))
        assert (recovered.groups[s.LossSettings], recovered.groups[s.NoiseSettings]) == GIVES[kind]
        assert recovered.groups[s.NetworkSettings] == s.NetworkSettings(rank=2, alpha=2)
    warnings = " ".join(event.text for event in events if isinstance(event, Warned))
    assert "no effect on" in warnings and ("clip_g_dropout_rate: no effect, the CLIP has no such" in warnings) == (
        kind == "flux"
    )
