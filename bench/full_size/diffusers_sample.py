"""Samples one video with diffusers in fp32 on the CPU, and prints times and memory as one line of JSON.

    OMP_NUM_THREADS=2 python bench/full_size/diffusers_sample.py FOLDER [--pisa] [--steps 2] [--frames 16]
        [--size 256]

FOLDER is make_model.py's. --pisa lays its subject.bin over the UNet and gives it a reference. To make it the
best that diffusers does by itself, it drops the motion adapter after loading (the UNet has a copy of it) and
decodes frame by frame. The peak is counted anew after loading.
"""

import argparse
import ctypes
import gc
import json
import time
from pathlib import Path

import torch
from diffusers import AnimateDiffPipeline, DDIMScheduler, MotionAdapter
from diffusers.utils import logging
from memory import resident_bytes, restart_peak
from pisa import add_reference


def load(folder: Path, pisa: bool) -> AnimateDiffPipeline:
    options = {"variant": "fp16", "torch_dtype": torch.float32}
    adapter = MotionAdapter.from_pretrained(folder / "motion", **options)
    base = folder / "sd15"
    scheduler = DDIMScheduler.from_pretrained(
        base / "scheduler",
        beta_schedule="linear",
        timestep_spacing="linspace",
        steps_offset=1,
        clip_sample=False,
    )
    pipeline = AnimateDiffPipeline.from_pretrained(base, motion_adapter=adapter, scheduler=scheduler, **options)
    pipeline.motion_adapter = None
    if pisa:
        state = torch.load(folder / "subject.bin", weights_only=True, mmap=True)
        pipeline.unet.load_state_dict(state)
    return pipeline


def encode_reference(pipeline: AnimateDiffPipeline, size: int) -> torch.Tensor:
    image = torch.linspace(-1, 1, size).expand(1, 3, size, size)
    latents = pipeline.vae.encode(image).latent_dist.mode() * pipeline.vae.config.scaling_factor
    return latents.unsqueeze(2)


def timed(function, times: list[float]):
    def call(*args, **kwargs):
        start = time.perf_counter()
        result = function(*args, **kwargs)
        times.append(time.perf_counter() - start)
        return result

    return call


@torch.no_grad()
def main(options: argparse.Namespace) -> None:
    start = time.perf_counter()
    pipeline = load(options.folder, options.pisa)
    report = {"loadSeconds": time.perf_counter() - start, "loadPeakBytes": resident_bytes()}
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    report["idleBytes"] = resident_bytes("VmRSS")
    restart_peak()

    pipeline.set_progress_bar_config(disable=True)
    if options.pisa:
        add_reference(pipeline, options.frames, encode_reference(pipeline, options.size))
    evaluations, decodes = [], []
    pipeline.unet.forward = timed(pipeline.unet.forward, evaluations)
    pipeline.vae.decode = timed(pipeline.vae.decode, decodes)
    start = time.perf_counter()
    frames = pipeline(
        "a person playing an acoustic guitar",
        negative_prompt="blurry",
        num_frames=options.frames,
        height=options.size,
        width=options.size,
        num_inference_steps=options.steps,
        guidance_scale=8.0,
        generator=torch.Generator().manual_seed(42),
        decode_chunk_size=1,
        output_type="pt",
    ).frames
    report |= {
        "sampleSeconds": time.perf_counter() - start,
        "samplePeakBytes": resident_bytes(),
        "evaluationSeconds": evaluations,
        "decodeSeconds": sum(decodes),
        "finite": bool(frames.isfinite().all()),
        "contrast": frames.std().item(),
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pisa", action="store_true")
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--size", type=int, default=256)
    logging.set_verbosity_error()
    main(parser.parse_args())
