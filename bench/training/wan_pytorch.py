"""Trains wan.json's transformer with PyTorch and diffusers in fp32 on the CPU, and prints times and memory as one line of JSON.

    OMP_NUM_THREADS=2 python bench/training/wan_pytorch.py [--checkpointing] [--steps 4]

The velocity's mean squared error (arXiv 2210.02747), AdamW by its fused kernel, and clipping, over all of the network, on latents
and texts' states that are there.
"""

import argparse
import ctypes
import gc
import json
import sys
import time
from pathlib import Path

import torch
from diffusers import WanTransformer3DModel

sys.path.append(str(Path(__file__).resolve().parent.parent / "full_size"))
from memory import resident_bytes, restart_peak


def loss_of(model: WanTransformer3DModel, latents: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
    """`latents` (B, C, F, h, w)."""
    noise, sigmas = torch.randn_like(latents), torch.rand(len(latents))
    share = sigmas.view(-1, 1, 1, 1, 1)
    noisy = (1 - share) * latents + share * noise
    output = model(noisy, sigmas * 1000, text).sample
    return (output - (noise - latents)).square().mean()


def main(options: argparse.Namespace) -> None:
    work = json.loads((Path(__file__).parent / "wan.json").read_text())
    model = WanTransformer3DModel(**work["config"]).train()
    if options.checkpointing:
        model.enable_gradient_checkpointing()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    weights = resident_bytes("VmRSS")
    restart_peak()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    seconds, cpu_seconds, losses = [], [], []
    for _ in range(options.steps):
        latents, text = torch.randn(work["latents"]).transpose(1, 2).contiguous(), torch.randn(work["text"])
        start, cpu_start = time.perf_counter(), time.process_time()
        loss = loss_of(model, latents, text)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu_start)
        losses.append(loss.item())
    peak = resident_bytes()
    memory = {"workBytes": [peak - weights], "peakBytes": [peak]}
    times = {"stepSeconds": seconds, "stepCpuSeconds": cpu_seconds}
    print(json.dumps(times | memory | {"losses": losses}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--steps", type=int, default=4)
    main(parser.parse_args())
