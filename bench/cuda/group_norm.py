"""Checks cameo's group norm for CUDA against fp64 and times it beside PyTorch's, with SiLU after it.

    python3 bench/cuda/group_norm.py --out group_norm.json

Needs a GPU of compute capability 8.0 or newer, PyTorch and nvcc. Ends with 1 where a result is wrong.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).parent))
from library import KERNELS, GroupNormLibrary, compile_kernels  # noqa: E402

# N, C, H, W, groups: what blocks and slabs cover and don't, then the UNet's levels at 512x512 and a motion module's.
CHECKED = [(1, 2, 1, 1, 1), (1, 32, 3, 5, 32), (2, 30, 7, 9, 3), (3, 520, 9, 8, 4)]
TIMED = [(34, 320, 64, 64, 32), (34, 640, 32, 32, 32), (34, 1280, 16, 16, 32), (34, 2560, 8, 8, 32), (2, 320, 17, 4096, 32)]
TYPES = {"float16": (torch.float16, 1e-3), "bfloat16": (torch.bfloat16, 8e-3)}
REPETITIONS = 20
EPS = 1e-5


def draw(size, dtype: torch.dtype, memory_format=torch.channels_last):
    images, channels, height, width, _ = size
    generator = torch.Generator("cuda").manual_seed(sum(size))
    x = torch.randn(images, channels, height, width, generator=generator, device="cuda") * 3 + 1
    weight, bias = (torch.randn(channels, generator=generator, device="cuda").to(dtype) for _ in range(2))
    return x.to(dtype).contiguous(memory_format=memory_format), weight, bias


def by_torch(x, groups: int, weight, bias, eps: float, silu: bool) -> torch.Tensor:
    y = F.group_norm(x, groups, weight, bias, eps)
    return F.silu(y) if silu else y


def check(library: GroupNormLibrary, size, type_name: str, silu: bool) -> float:
    """The largest error, as a part of the largest value."""
    x, weight, bias = draw(size, TYPES[type_name][0])
    exact = by_torch(x.double(), size[-1], weight.double(), bias.double(), EPS, silu)
    actual = library(x, size[-1], weight, bias, EPS, silu).double()
    error = ((actual - exact).abs().max() / exact.abs().max()).item()
    return error if error == error else float("inf")


def milliseconds(run) -> float:
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begin.record()
    for _ in range(10):
        run()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / 10


def time_forms(library: GroupNormLibrary, size, type_name: str) -> dict:
    dtype = TYPES[type_name][0]
    forms = {"cameo": library, "PyTorch, channels last": by_torch, "PyTorch": by_torch}
    runs = {}
    for name, form in forms.items():
        layout = torch.contiguous_format if name == "PyTorch" else torch.channels_last
        x, weight, bias = draw(size, dtype, layout)
        runs[name] = lambda form=form, x=x, weight=weight, bias=bias: form(x, size[-1], weight, bias, EPS, True)
    samples = {name: [] for name in runs}
    for repetition in range(REPETITIONS + 2):
        for name, run in runs.items():
            taken = milliseconds(run)
            if repetition >= 2:
                samples[name].append(taken)
    medians = {name: statistics.median(times) for name, times in samples.items()}
    moved = 3 * x.numel() * x.element_size()  # read twice, written once
    return {"size": size, "type": type_name, "milliseconds": medians, "bytes_per_second": moved / medians["cameo"] * 1e3}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the report goes, JSON")
    parser.add_argument("--nvcc", default="nvcc")
    parser.add_argument("--library", type=Path, help="cameo_cuda.so as it was built, rather than compiling anew")
    parser.add_argument("--check-only", action="store_true", help="the checks alone, as for compute-sanitizer")
    options = parser.parse_args()

    report = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "checks": [], "times": []}
    right = True
    with tempfile.TemporaryDirectory() as folder:
        path = options.library or Path(folder) / "group_norm.so"
        if not options.library:
            report["compiler"] = compile_kernels(KERNELS / "group_norm.cu", path, options.nvcc)
        library = GroupNormLibrary(path)
        for size in CHECKED if options.check_only else CHECKED + TIMED:
            for type_name, (_, tolerance) in TYPES.items():
                for silu in (False, True):
                    error = check(library, size, type_name, silu)
                    right &= error <= tolerance
                    print(f"{size} {type_name}{' SiLU' if silu else ''}: {'right' if error <= tolerance else 'WRONG'}, {error:.1e}")
                    report["checks"].append({"size": size, "type": type_name, "silu": silu, "error": error})
        for size in [] if options.check_only else TIMED:
            for type_name in TYPES:
                row = time_forms(library, size, type_name)
                report["times"].append(row)
                times = ", ".join(f"{name} {ms:.3f} ms" for name, ms in row["milliseconds"].items())
                print(f"{size} {type_name}: {times}; {row['bytes_per_second'] / 1e12:.2f} TB/s")
    if options.out:
        options.out.write_text(json.dumps(report, indent=1) + "\n")
    print("all results are right" if right else "SOME RESULTS ARE WRONG (see above)")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
