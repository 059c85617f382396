"""Writes random weights of the real shapes, in the public layouts, fp16: what the benchmarks load.

    python bench/full_size/make_model.py FOLDER [--subject]

FOLDER/sd15 (Stable Diffusion 1.5: 859.5 M + 83.7 M + 123.1 M parameters), FOLDER/motion (AnimateDiff's v1-5-3
adapter, 417.1 M) and, with --subject, FOLDER/subject.bin (both UNet parts again, as VideoMaker's pickled state
dict). 3.0 GB, with the subject 5.5 GB. What is there already is kept.
"""

import argparse
import itertools
import json
import math
import string
from pathlib import Path

import torch
from diffusers import AutoencoderKL, MotionAdapter, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

CHANNELS = (320, 640, 1280, 1280)
UNET = {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8, "block_out_channels": CHANNELS}
MOTION = {"block_out_channels": CHANNELS, "use_motion_mid_block": False}
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "sample_size": 512,
}
TEXT = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "vocab_size": 49408,
    "bos_token_id": 49406,
    "eos_token_id": 49407,
    "pad_token_id": 49407,
}
MERGES = 48894
SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}
PARTS = {
    "feature_extractor": (None, None),
    "safety_checker": (None, None),
    "scheduler": ("diffusers", "DDIMScheduler"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
}


def draw(name: str, shape: torch.Size, generator: torch.Generator) -> torch.Tensor:
    """Keeps activations near 1: norms are 1, matrices normal with the variance 1 / fan-in."""
    if name.endswith("bias"):
        return torch.zeros(shape, dtype=torch.float16)
    if len(shape) == 1:
        return torch.ones(shape, dtype=torch.float16)
    if name.endswith((".pe", "embedding.weight")):
        scale = 0.5 if name.endswith(".pe") else 0.02  # added to what a norm gave, and to nothing
    else:
        scale = math.prod(shape[1:]) ** -0.5
    return torch.randn(shape, generator=generator).mul_(scale).half()


def write_network(folder: Path, file: str, network: torch.nn.Module, seed: int, prefix: str = "") -> None:
    """`network` is on the meta device: it gives the config, the names (after `prefix`) and the shapes."""
    print(f"{folder}: {sum(p.numel() for p in network.parameters()) / 1e6:.1f} M parameters", flush=True)
    if (folder / file).exists():
        return
    network.save_config(folder) if hasattr(network, "save_config") else network.config.save_pretrained(folder)
    generator = torch.Generator().manual_seed(seed)
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    state = {prefix + name: draw(name, shape, generator) for name, shape in shapes.items()}
    save_file(state, folder / f"{file}.part", metadata={"format": "pt"})
    (folder / f"{file}.part").rename(folder / file)


def byte_characters() -> list[str]:
    """GPT-2's printable stand-ins for the 256 bytes, in CLIP's order."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def write_tokenizer(folder: Path, merges: int = MERGES) -> None:
    """By default as many tokens and merges as CLIP's: every word of two and three letters, some of four."""
    letters = string.ascii_lowercase
    words = itertools.chain.from_iterable(itertools.product(letters, repeat=n) for n in (2, 3, 4))
    pairs = [("".join(word[:-1]), word[-1]) for word in itertools.islice(words, merges)]
    characters = byte_characters()
    tokens = [*characters, *(c + "</w>" for c in characters), *(a + b for a, b in pairs)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in pairs))
    start, end = tokens[-2:]
    special = {"bos_token": start, "eos_token": end, "pad_token": end, "unk_token": end}
    write_json(folder / "special_tokens_map.json", special)
    config = special | {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
    write_json(folder / "tokenizer_config.json", config)


def write_json(path: Path, value: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_subject(folder: Path) -> None:
    path = folder / "subject.bin"
    if path.exists():
        return
    file = "diffusion_pytorch_model.fp16.safetensors"
    state = load_file(folder / "sd15" / "unet" / file) | load_file(folder / "motion" / file)
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)


def main(folder: Path, subject: bool) -> None:
    base = folder / "sd15"
    with torch.device("meta"):
        unet, motion = UNet2DConditionModel(**UNET), MotionAdapter(**MOTION)
        vae, text_encoder = AutoencoderKL(**VAE), CLIPTextModel(CLIPTextConfig(**TEXT))
    file = "diffusion_pytorch_model.fp16.safetensors"
    write_network(base / "unet", file, unet, seed=0)
    write_network(folder / "motion", file, motion, seed=1)
    write_network(base / "vae", file, vae, seed=2)
    # As in the public files; this version of transformers has dropped the prefix from the module's names.
    write_network(base / "text_encoder", "model.fp16.safetensors", text_encoder, seed=3, prefix="text_model.")
    write_tokenizer(base / "tokenizer")
    write_json(base / "scheduler" / "scheduler_config.json", SCHEDULER)
    write_json(base / "model_index.json", {"_class_name": "StableDiffusionPipeline"} | PARTS)
    if subject:
        write_subject(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--subject", action="store_true")
    arguments = parser.parse_args()
    main(arguments.folder, arguments.subject)
