"""Rewrites a network's safetensors as GGUF beside it: matrices and kernels in blocks of 8 bits (q8_0), half of fp16's size.

    python quantise.py NETWORK.safetensors [...]

Biases, norms and tables stay as they are. Needs the packages `gguf` and `safetensors`.
"""

import sys
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, quants
from safetensors.numpy import load_file

BLOCK = 32
SHAPE = "comfy.gguf.orig_shape."  # as ComfyUI-GGUF notes the shape of what was flattened


def is_quantised(name: str, tensor: np.ndarray) -> bool:
    return tensor.ndim > 1 and tensor.size % BLOCK == 0 and name.endswith(".weight")


def quantise(source: Path) -> None:
    """Puts NAME.gguf in the place of NAME.safetensors."""
    writer = GGUFWriter(source.with_suffix(".gguf"), "cameo")
    for name, tensor in sorted(load_file(source).items()):
        quantised = is_quantised(name, tensor)
        rows = tensor
        # The format has four axes, and a block has to fit into a row.
        if tensor.ndim > 4 or (quantised and tensor.shape[-1] % BLOCK != 0):
            writer.add_array(SHAPE + name, [int(size) for size in tensor.shape])
            rows = tensor.reshape(-1, BLOCK) if quantised else tensor.reshape(len(tensor), -1)
        if not quantised:
            writer.add_tensor(name, rows)
            continue
        blocks = quants.quantize(rows.astype(np.float32), GGMLQuantizationType.Q8_0)
        writer.add_tensor(name, blocks, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    source.unlink()


def load_quantised(path: Path) -> dict[str, np.ndarray]:
    """Of such a file, fp16."""
    reader = GGUFReader(path)
    tensors = {}
    for tensor in reader.tensors:
        shape = reader.get_field(SHAPE + tensor.name)
        sizes = shape.contents() if shape else [int(size) for size in reversed(tensor.shape)]
        tensors[tensor.name] = quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float16).reshape(sizes)
    return tensors


if __name__ == "__main__":
    for name in sys.argv[1:]:
        quantise(Path(name))
