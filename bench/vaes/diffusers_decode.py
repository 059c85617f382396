"""Decodes a film by one of models.json's VAEs with drawn weights, and prints its time and memory as one line of JSON.

    OMP_NUM_THREADS=2 python bench/vaes/diffusers_decode.py svd
"""

import json
import resource
import sys
import time
from pathlib import Path

import diffusers
import torch

work = json.loads((Path(__file__).parent / "models.json").read_text())[sys.argv[1]]
vae = getattr(diffusers, work["class"])(**work["config"]).eval()
latents = torch.randn(work["latents"])
frames = {}
if work["class"] == "AutoencoderKLTemporalDecoder":
    frames = {"num_frames": len(latents)}
elif work["class"] != "AutoencoderKL":
    latents = latents.transpose(0, 1)[None]  # a film's channels first
start = time.perf_counter()
with torch.inference_mode():
    vae.decode(latents, **frames)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"decodeSeconds": [seconds], "peakBytes": [peak]}))
