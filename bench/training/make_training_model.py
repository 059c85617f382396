"""Writes what the benchmark of training reads: a UNet with motion modules of random weights, tiny networks around
it, and a clip.

    python bench/training/make_training_model.py FOLDER

FOLDER/base and FOLDER/motion in the public layouts, fp16, and FOLDER/clips. What is there already is kept.
"""

import argparse
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel

sys.path.append(str(Path(__file__).resolve().parent.parent / "full_size"))
from make_model import PARTS, SCHEDULER, write_json, write_network, write_tokenizer

CHANNELS = (128, 256, 512, 512)
TEXT_CHANNELS = 768
UNET = {
    "sample_size": 32,
    "cross_attention_dim": TEXT_CHANNELS,
    "attention_head_dim": 8,
    "block_out_channels": CHANNELS,
}
MOTION = {"block_out_channels": CHANNELS, "use_motion_mid_block": False}
VAE = {
    "block_out_channels": (8, 8, 8, 8),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 1,
    "norm_num_groups": 4,
}
# As many tokens as there are bytes, alone and at the end of a word, and the two marks.
TEXT = {
    "hidden_size": TEXT_CHANNELS,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 12,
    "vocab_size": 514,
    "bos_token_id": 512,
    "eos_token_id": 513,
    "pad_token_id": 513,
}
FILE = "diffusion_pytorch_model.fp16.safetensors"


def write_clip(folder: Path, frames: int = 24, size: int = 256) -> None:
    """A gradient that moves sideways."""
    folder.mkdir(parents=True, exist_ok=True)
    row = torch.arange(size)
    pictures = [
        Image.fromarray(((row + 8 * i) % 256).to(torch.uint8).expand(size, size).numpy()) for i in range(frames)
    ]
    pictures[0].save(folder / "clip.gif", save_all=True, append_images=pictures[1:], duration=125, loop=0)
    (folder / "clip.txt").write_text("a gradient\n")


def main(folder: Path) -> None:
    base = folder / "base"
    with torch.device("meta"):
        unet, motion = UNet2DConditionModel(**UNET), MotionAdapter(**MOTION)
        vae, text_encoder = AutoencoderKL(**VAE), CLIPTextModel(CLIPTextConfig(**TEXT))
    write_network(base / "unet", FILE, unet, seed=0)
    write_network(folder / "motion", FILE, motion, seed=1)
    write_network(base / "vae", FILE, vae, seed=2)
    # As in the public files; this version of transformers has dropped the prefix from the module's names.
    write_network(base / "text_encoder", "model.fp16.safetensors", text_encoder, seed=3, prefix="text_model.")
    write_tokenizer(base / "tokenizer", merges=0)
    write_json(base / "scheduler" / "scheduler_config.json", SCHEDULER)
    write_json(base / "model_index.json", {"_class_name": "StableDiffusionPipeline"} | PARTS)
    if not (folder / "clips" / "clip.txt").exists():
        write_clip(folder / "clips")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    main(parser.parse_args().folder)
