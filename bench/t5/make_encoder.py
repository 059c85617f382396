"""Writes a text encoder with the shapes of T5 v1.1 XXL (4.7 thousand million parameters, 9.5 GB), bf16, in shards: random weights.

    python bench/t5/make_encoder.py FOLDER [--layers 24]
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

MODEL, HEADS, HEAD, HIDDEN, VOCABULARY, BUCKETS = 4096, 64, 64, 10240, 32128, 32


def block(index: int) -> dict[str, tuple[int, ...]]:
    attention, forward = f"encoder.block.{index}.layer.0.", f"encoder.block.{index}.layer.1."
    shapes = {f"{attention}SelfAttention.{name}.weight": (HEADS * HEAD, MODEL) for name in "qkv"}
    shapes[f"{attention}SelfAttention.o.weight"] = (MODEL, HEADS * HEAD)
    if index == 0:
        shapes[f"{attention}SelfAttention.relative_attention_bias.weight"] = (BUCKETS, HEADS)
    shapes |= {f"{forward}DenseReluDense.wi_{i}.weight": (HIDDEN, MODEL) for i in (0, 1)}
    shapes[f"{forward}DenseReluDense.wo.weight"] = (MODEL, HIDDEN)
    return shapes | {f"{part}layer_norm.weight": (MODEL,) for part in (attention, forward)}


def drawn(shape: tuple[int, ...]) -> torch.Tensor:
    if len(shape) == 1:
        return torch.ones(shape, dtype=torch.bfloat16)
    return (torch.rand(shape) - 0.5).mul_(2 * (3 / shape[1]) ** 0.5).to(torch.bfloat16)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=int, default=24)
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    shards = [{"shared.weight": (VOCABULARY, MODEL), "encoder.final_layer_norm.weight": (MODEL,)}]
    shards += [block(i) for i in range(options.layers)]
    names: dict[str, str] = {}
    for i, shapes in enumerate(shards):
        file = f"model-{i + 1:05}-of-{len(shards):05}.safetensors"
        save_file({name: drawn(shape) for name, shape in shapes.items()}, options.folder / file)
        names |= dict.fromkeys(shapes, file)
    (options.folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    config = {
        "model_type": "t5",
        "d_model": MODEL,
        "d_kv": HEAD,
        "d_ff": HIDDEN,
        "num_layers": options.layers,
        "num_heads": HEADS,
        "vocab_size": VOCABULARY,
        "feed_forward_proj": "gated-gelu",
    }
    (options.folder / "config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    main()
