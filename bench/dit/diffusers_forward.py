"""Evaluates CogVideoX-2B's transformer with drawn weights, and prints times and memory as one line of JSON.

    OMP_NUM_THREADS=2 python bench/dit/diffusers_forward.py [--layers 8] [--dtype fp32]
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch
from diffusers import CogVideoXTransformer3DModel

sys.path.append(str(Path(__file__).parent.parent / "full_size"))
from memory import resident_bytes, restart_peak

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@torch.no_grad()
def main(options: argparse.Namespace) -> None:
    dtype = DTYPES[options.dtype]
    torch.set_default_dtype(dtype)
    model = CogVideoXTransformer3DModel(num_layers=options.layers).eval()
    torch.set_default_dtype(torch.float32)
    latents, text = torch.randn(2, 3, 16, 32, 32).to(dtype), torch.randn(2, 226, 4096).to(dtype)
    timesteps = torch.tensor([801, 801])
    seconds, work, peak = [], [], []
    for _ in range(3):
        restart_peak()
        before = resident_bytes("VmRSS")
        start = time.perf_counter()
        model(latents, text, timesteps)
        seconds.append(time.perf_counter() - start)
        peak.append(resident_bytes())
        work.append(peak[-1] - before)
    # What the allocator keeps from one time to the next is counted the first time.
    print(json.dumps({"evaluationSeconds": seconds, "workBytes": [max(work)], "peakBytes": [max(peak)]}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    main(parser.parse_args())
