"""Writes a base folder whose UNet has spatial self-attention that has never seen a reference: drawn anew, all else as it was.

    python forget.py BASE OUT

Needs gguf, safetensors and numpy.
"""

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

sys.path.append(str(Path(__file__).resolve().parent.parent / "recipes"))
from quantise import load_quantised  # noqa: E402

UNET = "unet/diffusion_pytorch_model"


def forget(base: Path, out: Path) -> None:
    part = out.with_name(out.name + ".part")  # OUT is there only when it is whole
    shutil.copytree(base, part, dirs_exist_ok=True)
    rng = np.random.default_rng(0)
    tensors = load_quantised(base / f"{UNET}.gguf")
    for name, tensor in sorted(tensors.items()):
        if ".attn1." not in name:
            continue
        # As PyTorch draws a linear layer; a bias has as many inputs as the matrix beside it.
        inputs = tensors[name.removesuffix("bias") + "weight"].shape[1] if name.endswith("bias") else tensor.shape[1]
        bound = inputs**-0.5
        tensors[name] = rng.uniform(-bound, bound, tensor.shape).astype(tensor.dtype)
    (part / f"{UNET}.gguf").unlink()
    save_file(tensors, part / f"{UNET}.safetensors", {"format": "pt"})
    part.rename(out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="draw a UNet's spatial self-attention anew")
    parser.add_argument("base", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    forget(args.base, args.out)
