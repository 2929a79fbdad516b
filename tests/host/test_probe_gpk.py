import cProfile, pstats, sys, torch, time, pytest
from pathlib import Path
pytestmark = pytest.mark.usefixtures("comfy")
def test_probe(tmp_path):
    sys.path.insert(0, "tests/benchmarks")
    import bench_edit as b
    from athanor.training_core.edit import build
    from athanor.training_core.edit.build import Source, Wanted
    shapes = {f"lora_unet_{i}": (1280, 1280) for i in range(100)}
    one, other = (b.lora(tmp_path / f"{n}.safetensors", shapes, n) for n in (1, 2))
    w = Wanted(sources=(Source(path=one, weight=0.5), Source(path=other, weight=0.5)))
    build.make(w)
    p = cProfile.Profile(time.process_time); p.enable(); m = build.make(w); p.disable()
    print("ERR", m.error)
    pstats.Stats(p).sort_stats("tottime").print_stats(14)
