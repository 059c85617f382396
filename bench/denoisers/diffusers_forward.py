"""Evaluates one of models.json's networks with drawn weights, and prints times and memory as one line of JSON.

    OMP_NUM_THREADS=2 python bench/denoisers/diffusers_forward.py svd [--dtype fp32]
"""

import argparse
import json
import sys
import time
from pathlib import Path

import diffusers
import torch

sys.path.append(str(Path(__file__).parent.parent / "full_size"))
from memory import resident_bytes, restart_peak

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@torch.no_grad()
def main(options: argparse.Namespace) -> None:
    dtype = DTYPES[options.dtype]
    work = json.loads((Path(__file__).parent / "models.json").read_text())[options.model]
    torch.set_default_dtype(dtype)
    model = getattr(diffusers, work["class"])(**work["config"]).eval()
    torch.set_default_dtype(torch.float32)
    inputs = {name: torch.randn(shape).to(dtype) for name, shape in work["inputs"].items()}
    # What pads a text to the length that the network takes is zeros.
    if "textTokens" in work:
        inputs["encoder_hidden_states"][:, work["textTokens"] :] = 0
    timesteps = torch.full((2,), 801)
    seconds, cpu_seconds, used, peak = [], [], [], []
    for _ in range(2):
        restart_peak()
        before = resident_bytes("VmRSS")
        start, cpu_start = time.perf_counter(), time.process_time()
        model(timestep=timesteps, **inputs)
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(time.process_time() - cpu_start)
        peak.append(resident_bytes())
        used.append(peak[-1] - before)
    # What the allocator keeps from one time to the next is counted the first time.
    times = {"evaluationSeconds": seconds, "evaluationCpuSeconds": cpu_seconds}
    print(json.dumps(times | {"workBytes": [max(used)], "peakBytes": [max(peak)]}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    main(parser.parse_args())
