"""Puts the model that ships together from its runs:

    python assemble.py RUNS OUT

The file of RUNS/anneal has the whole UNet. OUT/base gets its image layers, OUT/motion its motion modules, and
OUT/subject.safetensors its self-attention once more: with it, a pipeline takes references. Text encoder, tokenizer and
scheduler are those of RUNS/image, the VAE that of RUNS/decoder where there is one. Needs safetensors and numpy.
"""

import argparse
import shutil
from pathlib import Path

from safetensors import safe_open
from safetensors.numpy import load_file, save_file

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
MOTION = "diffusion_pytorch_model.safetensors"


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "numpy") as file:
        return file.metadata() or {}


def replace(path: Path, trained: dict) -> None:
    """Gives every tensor of `path` its trained values; position codes, which are never trained, stay."""
    tensors = {
        name: tensor if name.endswith(".pe") else trained[name] for name, tensor in load_file(path).items()
    }
    save_file(tensors, path, metadata(path))


def assemble(runs: Path, out: Path) -> None:
    subject = runs / "anneal/model/subject.safetensors"
    trained = load_file(subject)
    for name in ("base", "motion"):
        shutil.rmtree(out / name, ignore_errors=True)
    shutil.copytree(runs / "image/model/base", out / "base")
    shutil.copytree(runs / "motion/model/motion", out / "motion")
    replace(out / "base" / UNET, trained)
    replace(out / "motion" / MOTION, trained)
    attention = {name: tensor for name, tensor in trained.items() if ".attentions." in name and ".attn1." in name}
    save_file(attention, out / "subject.safetensors", metadata(subject))
    decoder = runs / "decoder/model/base" / VAE
    if decoder.exists():
        shutil.copy(decoder, out / "base" / VAE)
    files = [path for path in out.rglob("*") if path.suffix == ".safetensors" and "probes" not in path.name]
    for path in files:
        print(f"{path.stat().st_size:>12,} {path.relative_to(out)}")
    print(f"{sum(path.stat().st_size for path in files):>12,} bytes in all")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="put the model that ships together from its runs")
    parser.add_argument("runs", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    assemble(args.runs, args.out)
