"""What decode.mjs does, by diffusers."""

import json
import resource
import sys
import time

import torch
from diffusers import AutoencoderKLCogVideoX

given = json.loads(sys.argv[1])
torch.manual_seed(given["seed"])
vae = AutoencoderKLCogVideoX(**given["vae"]).eval()
if given["tiles"]:
    vae.enable_tiling()
latents = torch.randn(1, vae.config.latent_channels, given["latents"], given["height"], given["width"])
start = time.perf_counter()
with torch.inference_mode():
    frames = vae.decode(latents).sample.shape[2]
seconds = time.perf_counter() - start
usage = resource.getrusage(resource.RUSAGE_SELF)
result = {
    "seconds": seconds,
    "frames": frames,
    "cpuSeconds": usage.ru_utime + usage.ru_stime,
    "megabytes": usage.ru_maxrss / 1024,
}
print(json.dumps(result))
