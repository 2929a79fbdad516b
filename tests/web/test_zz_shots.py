import json
from pathlib import Path
import graphs, loras, pytest
from PIL import Image

SHOTS = Path("/work/wt/shots")


def build(page, vue):
    return page.page.evaluate("""async () => {
        const { app } = window.comfyAPI.app; app.graph.clear();
        const add = (type, pos, values) => { const n = window.LiteGraph.createNode(type); n.pos = pos; app.graph.add(n);
            for (const w of n.widgets ?? []) if (w.name in values) w.value = values[w.name]; return n; };
        const e = add("AthanorLoRAEdit", [40, 60], {lora_name: "style.safetensors", weight: 0.8, lora_name_2: "char.safetensors", weight_2: 0.5, rank: 2, output_name: "mix" + Math.floor(Math.random()*1e6)});
        const i = add("AthanorLoRAInfo", [560, 60], {});
        const x = add("AthanorLoRAExtract", [1040, 60], {tuned_checkpoint: "tuned.safetensors", base_checkpoint: "sd3.safetensors", rank: 8, output_name: "ex" + Math.floor(Math.random()*1e6)});
        const inp = i.inputs.findIndex((s) => s.name === "lora_name");
        e.connect(0, i, inp);
        for (const n of [e, i, x]) { n.setSize([n === i ? 430 : 430, n.computeSize()[1]]); }
        app.canvas.ds.scale = 1; app.canvas.ds.offset = [60, 40]; app.canvas.setDirty(true, true); }""")


@pytest.mark.parametrize("vue", [False, True])
def test_shots(site, checkpoints, page, vue):
    root = site.base / "models" / "loras"
    if not (root / "style.safetensors").exists():
        loras.write(root / "style.safetensors", checkpoints["sd3"], "sd3", 1)
        loras.write(root / "char.safetensors", checkpoints["sd3"], "sd3", 2)
        from safetensors.torch import load_file, save_file
        import torch
        sd = load_file(checkpoints["sd3"])
        g = torch.Generator().manual_seed(1)
        sd = {k: (v + 0.02 * torch.randn(v.shape, generator=g).to(v.dtype) if v.ndim > 1 and "model.diffusion" in k else v) for k, v in sd.items()}
        save_file(sd, site.base / "models" / "checkpoints" / "tuned.safetensors")
        page.open()
    for i, size in enumerate([(1280, 720), (1920, 1080)]):
        page.page.set_viewport_size({"width": size[0], "height": size[1]})
        build(page, vue)
        page.settle(20)
        if i == 0:
            page.page.screenshot(path=str(SHOTS / f"edit_before_{'vue' if vue else 'canvas'}.png"))
        page.queue()
        import time
        time.sleep(1)
        for _ in range(240):
            q = site.get("/queue")
            if not q["queue_running"] and not q["queue_pending"]:
                break
            time.sleep(0.5)
        page.settle(40)
        page.page.screenshot(path=str(SHOTS / f"edit_{size[0]}_{'vue' if vue else 'canvas'}.png"))
    print(page.errors)
