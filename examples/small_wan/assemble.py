"""Puts the small Wan together from its runs:

    python assemble.py RUNS OUT

OUT/base is the base of RUNS/vae, without weights of a transformer; OUT/subject.gguf is RUNS/subject's transformer. Both are in 8 bits.
Needs gguf, safetensors and numpy.
"""

import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "weights/troupe/recipes"))
from quantise import quantise


def assemble(runs: Path, out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(runs / "vae/model/base", out / "base")
    shutil.copy(runs / "subject/model/subject.safetensors", out)
    quantise(out / "subject.safetensors")
    quantise(out / "base/vae/diffusion_pytorch_model.safetensors")
    files = [path for path in out.rglob("*") if path.is_file()]
    print(f"{sum(path.stat().st_size for path in files):,} bytes")


assemble(Path(sys.argv[1]), Path(sys.argv[2]))
