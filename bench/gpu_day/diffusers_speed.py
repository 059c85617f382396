"""The same as speed.mjs by diffusers: an evaluation of the UNet, with PISA as concatenation, and the decoding.

    python3 bench/gpu_day/diffusers_speed.py [--device cuda] [--small] [--compile]

Needs PyTorch and diffusers; build/gpu-day/python is looked into for the latter. The last line is JSON.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "build" / "gpu-day" / "python"), str(ROOT / "bench" / "full_size")]

import torch  # noqa: E402
from diffusers import AutoencoderKL, UNetMotionModel  # noqa: E402
from pisa import add_reference  # noqa: E402

REPEATS = 6


def shapes(small: bool) -> dict:
    channels = (32, 64, 64, 64) if small else (320, 640, 1280, 1280)
    vae = (32, 32, 32, 32) if small else (128, 256, 512, 512)
    return {
        "frames": 4 if small else 16,
        "side": 64 if small else 512,
        "unet": {"block_out_channels": channels, "cross_attention_dim": 768, "num_attention_heads": 8},
        "vae": {
            "block_out_channels": vae,
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
            "layers_per_block": 2,
        },
    }


def draw(network: type, config: dict, device: str) -> torch.nn.Module:
    """On the device, so that no time goes into copying: what the weights are does not matter."""
    with torch.device(device):
        return network(**config).to(torch.bfloat16).eval()


def seconds(work, device: str) -> float:
    times = []
    for _ in range(REPEATS + 2):
        start = time.perf_counter()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--compile", action="store_true", help="the UNet by torch.compile")
    options, _ = parser.parse_known_args()
    given = shapes(options.small)
    frames, latent = given["frames"], given["side"] // 8
    like = {"device": options.device, "dtype": torch.bfloat16}
    vae = draw(AutoencoderKL, given["vae"], options.device)
    latents = torch.randn(frames, 4, latent, latent, **like)
    decode = seconds(lambda: vae.decode(latents), options.device)
    del vae
    unet = draw(UNetMotionModel, given["unet"], options.device)
    add_reference(SimpleNamespace(unet=unet), frames, torch.randn(1, 4, 1, latent, latent, **like))
    if options.compile:
        unet.forward = torch.compile(unet.forward)
    sample = torch.randn(2, 4, frames, latent, latent, **like)
    text = torch.randn(2, 77, 768, **like).repeat_interleave(frames, dim=0)
    evaluation = seconds(lambda: unet.forward(sample, 500, encoder_hidden_states=text), options.device)
    peak = torch.cuda.max_memory_allocated() if options.device != "cpu" else None
    found = {"evaluation": evaluation, "decode": decode}
    print(json.dumps({"right": True, "seconds": found, "compiled": options.compile, "peakBytes": peak}))


main()
