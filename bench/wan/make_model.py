"""Writes Wan 2.1 1.3B with the published shapes, as diffusers' folder: random weights, bf16 but for the VAE's (15 GB).

    python bench/wan/make_model.py FOLDER --tokenizer FOLDER [--text-layers 24] [--layers 30]

The tokenizer's folder is that of any T5: there is none of random words.
"""

import argparse
import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanTransformer3DModel
from safetensors.torch import save_file
from transformers import UMT5Config, UMT5EncoderModel

# What a shard has at most, in numbers.
SHARD = 500_000_000


def drawn(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    if tensor.dim() < 2:
        return torch.ones(tensor.shape, dtype=dtype)
    deviation = (tensor.numel() / len(tensor)) ** -0.5
    return (torch.rand(tensor.shape) - 0.5).mul_(2 * 3**0.5 * deviation).to(dtype)


def shards(model: torch.nn.Module) -> list[dict[str, torch.Tensor]]:
    all_shards, numbers = [{}], 0
    for name, tensor in model.named_parameters():
        if numbers + tensor.numel() > SHARD and all_shards[-1]:
            all_shards.append({})
            numbers = 0
        all_shards[-1][name] = tensor
        numbers += tensor.numel()
    return all_shards


def write(folder: Path, stem: str, model: torch.nn.Module, config: dict, dtype: torch.dtype) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    parts, names = shards(model), {}
    for i, tensors in enumerate(parts):
        file = f"{stem}-{i + 1:05}-of-{len(parts):05}.safetensors" if len(parts) > 1 else f"{stem}.safetensors"
        save_file({name: drawn(tensor, dtype) for name, tensor in tensors.items()}, folder / file)
        names |= dict.fromkeys(tensors, file)
    if len(parts) > 1:
        (folder / f"{stem}.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    parser.add_argument("--text-layers", type=int, default=24)
    parser.add_argument("--layers", type=int, default=30)
    options = parser.parse_args()
    folder = options.folder
    t5 = UMT5Config(
        vocab_size=256384,
        d_model=4096,
        d_kv=64,
        d_ff=10240,
        num_layers=options.text_layers,
        num_heads=64,
        feed_forward_proj="gated-gelu",
    )
    with torch.device("meta"):
        text = UMT5EncoderModel(t5)
        transformer = WanTransformer3DModel(
            num_attention_heads=12, ffn_dim=8960, num_layers=options.layers, cross_attn_norm=True
        )
        vae = AutoencoderKLWan()
    write(folder / "text_encoder", "model", text, t5.to_dict(), torch.bfloat16)
    weights = "diffusion_pytorch_model"
    write(folder / "transformer", weights, transformer, json.loads(transformer.to_json_string()), torch.bfloat16)
    write(folder / "vae", weights, vae, json.loads(vae.to_json_string()), torch.float32)
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    scheduler.save_pretrained(folder / "scheduler")
    shutil.copytree(options.tokenizer, folder / "tokenizer")
    classes = {
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "T5TokenizerFast"],
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "WanPipeline"} | classes))


if __name__ == "__main__":
    main()
