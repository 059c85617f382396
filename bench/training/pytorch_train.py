"""Trains with plain PyTorch and diffusers in fp32 on the CPU, and prints times and memory as one line of JSON.

    OMP_NUM_THREADS=2 python bench/training/pytorch_train.py FOLDER [--checkpointing] [--steps 3] [--frames 16]
        [--size 256]

FOLDER is make_training_model.py's. What VideoMaker's paper trains (attn1 and the motion modules) and how (its
losses, AdamW), with the concatenating form of PISA, on latents that are there. The first step warms the allocator
up. The peak is counted anew after loading.
"""

import argparse
import ctypes
import gc
import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, MotionAdapter, UNet2DConditionModel, UNetMotionModel
from diffusers.utils import logging

sys.path.append(str(Path(__file__).resolve().parent.parent / "full_size"))
from memory import resident_bytes, restart_peak
from pisa import ConcatenatingPisa

ALPHA, BETA = 0.01, 0.1  # arXiv 2412.19645, section 3.3


def load(folder: Path, frames: int) -> UNetMotionModel:
    options = {"variant": "fp16", "torch_dtype": torch.float32}
    unet = UNetMotionModel.from_unet2d(
        UNet2DConditionModel.from_pretrained(folder / "base" / "unet", **options),
        MotionAdapter.from_pretrained(folder / "motion", **options),
    )
    processors = unet.attn_processors
    for name in processors:
        if name.endswith("attn1.processor") and "motion_modules" not in name:
            processors[name] = ConcatenatingPisa(frames)
    unet.set_attn_processor(processors)
    unet.requires_grad_(False)
    for name, parameter in unet.named_parameters():
        parameter.requires_grad_("motion_modules." in name or ".attn1." in name)
    return unet.train()


def noised(scheduler: DDIMScheduler, clean: torch.Tensor, t: int) -> tuple[torch.Tensor, torch.Tensor]:
    noise = torch.randn_like(clean)
    return scheduler.add_noise(clean, noise, torch.tensor([t])), noise


def loss_of(
    unet: UNetMotionModel, scheduler: DDIMScheduler, latents: torch.Tensor, text: torch.Tensor
) -> torch.Tensor:
    """`latents` (1, 4, frames + 1, h, w), the reference last."""
    t = int(torch.randint(1000, ()))
    frames, frame_noise = noised(scheduler, latents[:, :, :-1], t)
    reference, reference_noise = noised(scheduler, latents[:, :, -1:], int(ALPHA * t))
    images = torch.cat([frames, reference], dim=2)
    output = unet(images, torch.tensor([t]), text.repeat_interleave(images.shape[2], dim=0)).sample
    video = F.mse_loss(output[:, :, :-1], frame_noise)
    return video + BETA * F.mse_loss(output[:, :, -1:], reference_noise)


def main(options: argparse.Namespace) -> None:
    unet = load(options.folder, options.frames)
    if options.checkpointing:
        unet.enable_gradient_checkpointing()
    trained = [parameter for parameter in unet.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, weight_decay=0.01, fused=True)
    scheduler = DDIMScheduler(beta_schedule="linear", beta_start=0.00085, beta_end=0.012)
    side = options.size // 8
    latents = torch.randn(1, 4, options.frames + 1, side, side)
    text = torch.randn(1, 77, unet.config.cross_attention_dim)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    idle = resident_bytes("VmRSS")
    restart_peak()

    seconds, losses = [], []
    for _ in range(options.steps):
        start = time.perf_counter()
        loss = loss_of(unet, scheduler, latents, text)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.perf_counter() - start)
        losses.append(loss.item())
    report = {
        "stepSeconds": seconds,
        "peakBytes": resident_bytes(),
        "idleBytes": idle,
        "losses": losses,
        "parameters": sum(p.numel() for p in unet.parameters()),
        "trainedParameters": sum(p.numel() for p in trained),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--size", type=int, default=256)
    logging.set_verbosity_error()
    main(parser.parse_args())
