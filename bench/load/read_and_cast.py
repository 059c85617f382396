"""The least that loading takes: reads every tensor of the given files and casts it into memory that it keeps.

    OMP_NUM_THREADS=2 python bench/load/read_and_cast.py FILE... [--dtype fp32] [--reader safetensors|read]

With safetensors, tensors are mapped and cast by libtorch on all threads; "read" reads each into a buffer first.
Prints the seconds as one line of JSON; starting Python is not part of them.
"""

import argparse
import json
import struct
import time

import torch
from safetensors import safe_open

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
STORED = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def mapped(path: str):
    with safe_open(path, "pt") as file:
        for name in file.offset_keys():
            yield file.get_tensor(name)


def read(path: str):
    with open(path, "rb", buffering=0) as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        for entry in sorted(header.values(), key=lambda entry: entry["data_offsets"]):
            begin, end = entry["data_offsets"]
            buffer = bytearray(end - begin)
            file.seek(8 + length + begin)
            file.readinto(buffer)
            yield torch.frombuffer(buffer, dtype=STORED[entry["dtype"]]).reshape(entry["shape"])


def main(options: argparse.Namespace) -> None:
    reader = {"safetensors": mapped, "read": read}[options.reader]
    start = time.perf_counter()
    dtype = DTYPES[options.dtype]
    values = [tensor.to(dtype, copy=True) for path in options.files for tensor in reader(path)]
    seconds = time.perf_counter() - start
    gibibytes = sum(value.nbytes for value in values) / 2**30
    print(json.dumps({"loadSeconds": seconds, "gibibytes": gibibytes, "tensors": len(values)}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    parser.add_argument("--reader", choices=("safetensors", "read"), default="safetensors")
    main(parser.parse_args())
