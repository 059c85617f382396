"""Puts the model that ships together from its runs:

    python assemble.py RUNS OUT

The file of RUNS/refine-correlated-more has the whole UNet. OUT/base gets its image layers, OUT/motion its motion
modules, both in 8 bits. OUT/subject.safetensors says that they make a subject model: with it, a pipeline takes references, and correlates the
noise of its frames. As its weights are in OUT/base already, it has the biases of self-attention alone. All else is that of RUNS/text, which text_encoder.py made. OUT/logs gets the runs' logs, by means of
50 steps. Needs gguf, safetensors and numpy.
"""

import argparse
import json
import shutil
from pathlib import Path

from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from quantise import quantise

UNET = "unet/diffusion_pytorch_model.safetensors"
MOTION = "diffusion_pytorch_model.safetensors"
STEPS = 50  # to a line of a log
NOISE_CORRELATION = 0.95  # of frames when sampling: calmer on the validation split than the training's 0.9


def metadata(path: Path) -> dict[str, str]:
    with safe_open(path, "numpy") as file:
        return file.metadata() or {}


def replace(path: Path, trained: dict) -> None:
    """Gives every tensor of `path` its trained values; position codes, which are never trained, stay."""
    tensors = {
        name: tensor if name.endswith(".pe") else trained[name] for name, tensor in load_file(path).items()
    }
    save_file(tensors, path, metadata(path))


def write_log(metrics: Path, to: Path) -> None:
    """Fractions by their means, all else as it was at the last of the steps."""
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    means = []
    for i in range(0, len(lines), STEPS):
        some = lines[i : i + STEPS]
        mean = {
            name: float(f"{sum(line[name] for line in some) / len(some):.4g}")
            for name, value in some[-1].items()
            if isinstance(value, float)
        }
        means.append(some[-1] | mean)
    to.write_text("".join(json.dumps(line) + "\n" for line in means))


def write_logs(runs: Path, recipes: Path, out: Path) -> None:
    for recipe in sorted(recipes.glob("*.jsonc")):
        metrics = runs / recipe.stem / "metrics.jsonl"
        if metrics.exists():
            (out / recipe.stem).mkdir(parents=True, exist_ok=True)
            write_log(metrics, out / recipe.stem / metrics.name)


def assemble(runs: Path, out: Path) -> None:
    subject = runs / "refine-correlated-more/model/subject.safetensors"
    trained = load_file(subject)
    for name in ("base", "motion"):
        shutil.rmtree(out / name, ignore_errors=True)
    shutil.copytree(runs / "text/base", out / "base")
    shutil.copytree(runs / "motion/model/motion", out / "motion")
    replace(out / "base" / UNET, trained)
    replace(out / "motion" / MOTION, trained)
    biases = {name: tensor for name, tensor in trained.items() if name.endswith(".attn1.to_out.0.bias") and ".attentions." in name}
    said = metadata(subject) | {"noise_correlation": str(NOISE_CORRELATION)}
    save_file(biases, out / "subject.safetensors", said)
    quantise(out / "base" / UNET)
    quantise(out / "motion" / MOTION)
    write_logs(runs, Path(__file__).parent, out / "logs")
    weights = (".safetensors", ".gguf")
    files = [path for path in out.rglob("*") if path.suffix in weights and "probes" not in path.name]
    for path in files:
        print(f"{path.stat().st_size:>12,} {path.relative_to(out)}")
    print(f"{sum(path.stat().st_size for path in files):>12,} bytes in all")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="put the model that ships together from its runs")
    parser.add_argument("runs", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    assemble(args.runs, args.out)
