"""Checks cameo's PISA kernels against fp64 and times them beside concatenation with PyTorch's attention.

    python3 bench/cuda/pisa.py --out pisa.json

Needs a GPU of compute capability 8.0 or newer, PyTorch and nvcc. Ends with 1 where a result is wrong.
"""

import argparse
import contextlib
import itertools
import json
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

sys.path.insert(0, str(Path(__file__).parent))
from library import KERNELS, Library, Regions, compile_kernels  # noqa: E402
from reference import bias_of, concatenating, exact  # noqa: E402

# B, F, R, n, H, d: what blocks and tiles cover and don't, then the UNet's levels at 512x512.
CHECKED = [
    (2, 4, 1, 70, 3, 32),
    (1, 1, 1, 3, 1, 40),
    (2, 3, 2, 37, 2, 40),
    (1, 16, 1, 130, 3, 40),
    (1, 5, 3, 257, 2, 64),
    (2, 2, 1, 100, 4, 64),
    (1, 4, 1, 129, 2, 80),
    (2, 3, 3, 65, 2, 80),
    (1, 7, 1, 64, 8, 160),
    (2, 3, 2, 33, 2, 160),
]
TIMED = [(1, 16, 1, 4096, 8, 40), (1, 16, 1, 1024, 8, 80), (1, 16, 1, 256, 8, 160)]
TYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
# Of the error's norm, relative to the exact result's.
TOLERANCES = {"float16": 2e-3, "bfloat16": 1.6e-2}
KERNEL_OF = {
    ("out", "frames"): "AttendImages",
    ("out", "references"): "AttendImages (references), AttendFrames or SumGroups",
    ("dq", "frames"): "PrepareRows, DifferentiateKeys (dq) or FinishQueries",
    ("dq", "references"): "PrepareRows, DifferentiateKeys (dq) or FinishQueries",
    ("dk", "frames"): "PrepareRows or DifferentiateKeys",
    ("dk", "references"): "PrepareRows, DifferentiateKeys (parts) or SumGroups",
    ("dv", "frames"): "DifferentiateKeys",
    ("dv", "references"): "DifferentiateKeys (parts) or SumGroups",
}
SETS_BYTES = 2**28  # of inputs that are taken in turn: several times the largest L2
REPETITIONS = 15


def draw(size, dtype: torch.dtype, seed: int):
    batch, frames, references, tokens, heads, d = size
    generator = torch.Generator("cuda").manual_seed(seed)
    shape = (batch, frames + references, tokens, heads * d)
    return [torch.randn(shape, generator=generator, device="cuda").to(dtype) for _ in range(4)]


def differentiate(form, q, k, v, grad, heads: int, frames: int) -> dict[str, torch.Tensor]:
    leaves = [x.detach().requires_grad_() for x in (q, k, v)]
    out = form(*leaves, heads, frames)
    return {"out": out.detach(), **dict(zip(("dq", "dk", "dv"), torch.autograd.grad(out, leaves, grad)))}


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    error = ((actual.double() - expected).norm() / expected.norm()).item()
    return error if math.isfinite(error) else math.inf


def first_difference(actual: torch.Tensor, expected: torch.Tensor, tolerance: float, d: int) -> str:
    bad = ~((actual.double() - expected).abs() <= 5 * tolerance * expected.abs().max())
    if not bad.any():
        return "spread over all numbers"
    b, image, token, c = bad.nonzero()[0].tolist()
    return (
        f"{bad.sum().item()} of {bad.numel()} numbers, the first at sample {b}, image {image}, token {token}, "
        f"head {c // d}, channel {c % d}: {actual[b, image, token, c].item():.5g} "
        f"instead of {expected[b, image, token, c].item():.5g}"
    )


def draw_regions(size, seed: int) -> tuple[torch.Tensor, list[float]]:
    """Of a subject for each reference: positions (R, F, n) at random, none of the first frame and all of the last."""
    _, frames, references, tokens, _, _ = size
    generator = torch.Generator("cuda").manual_seed(seed)
    listens = torch.rand((references, frames, tokens), generator=generator, device="cuda") < 0.5
    listens[:, -1] = True
    listens[0, 0] = False
    return listens, [0.5, 1.0, 3.0][:references]


def check(library: Library, size, type_name: str, joined: bool, in_regions: bool) -> tuple[dict[str, float], list[str]]:
    """Relative errors of the result and the gradients, and what is wrong with them in words."""
    _, frames, _, _, heads, d = size
    bias = {}
    if in_regions:
        listens, strengths = draw_regions(size, seed=sum(size))
        library = library.within(Regions(listens, strengths))
        bias = {"bias": lambda frame: bias_of(listens, strengths, frame)}
    q, k, v, grad = draw(size, TYPES[type_name], seed=sum(size))
    q = q * 2
    if joined:
        q, k, v = torch.cat([q, k, v], dim=-1).chunk(3, dim=-1)
    expected = exact(q, k, v, grad, heads, frames, **bias)
    actual = differentiate(library, q, k, v, grad, heads, frames)
    inference = library(q, k, v, heads, frames)
    torch.cuda.synchronize()
    wrong = [] if torch.equal(inference, actual["out"]) else ["the result without a backward pass is another one"]
    errors = {}
    for name, tensor in actual.items():
        for part, images in (("frames", slice(0, frames)), ("references", slice(frames, None))):
            got, want = tensor[:, images], expected[name][:, images]
            error = relative_error(got, want)
            errors[f"{name} {part}"] = error
            if error > TOLERANCES[type_name]:
                where = first_difference(got, want, TOLERANCES[type_name], d)
                wrong.append(f"{name} of {part}: error {error:.1e}, {where}; see {KERNEL_OF[name, part]}")
    return errors, wrong


def check_all(libraries: dict[str, Library], sizes) -> tuple[list[dict], bool]:
    rows, right = [], True
    for name, size, type_name, in_regions in itertools.product(libraries, sizes, TYPES, (False, True)):
        what = f"{name} {size} {type_name}{' in regions' if in_regions else ''}"
        try:
            joined = type_name == "bfloat16"
            errors, wrong = check(libraries[name], size, type_name, joined, in_regions)
        except RuntimeError as error:
            raise SystemExit(f"{what} stopped: {error}") from error
        print(f"{what}: {'WRONG' if wrong else 'right'}, largest error {max(errors.values()):.1e}", flush=True)
        for line in wrong:
            print(f"  {line}", flush=True)
        about = {"build": name, "size": size, "type": type_name, "in_regions": in_regions}
        rows.append({**about, "errors": errors, "wrong": wrong})
        right &= not wrong
    return rows, right


def concatenating_by(backend: SDPBackend | None):
    def form(q, k, v, heads: int, frames: int) -> torch.Tensor:
        with sdpa_kernel(backend) if backend else contextlib.nullcontext():
            return concatenating(q, k, v, heads, frames)

    return form


FORMS = {
    "concatenation, default": concatenating_by(None),
    "concatenation, flash": concatenating_by(SDPBackend.FLASH_ATTENTION),
    "concatenation, cuDNN": concatenating_by(SDPBackend.CUDNN_ATTENTION),
    "concatenation, efficient": concatenating_by(SDPBackend.EFFICIENT_ATTENTION),
}


class Timed:
    """A form over several sets of inputs, as a CUDA graph; without one where it can't be captured."""

    def __init__(self, form, sets, heads: int, frames: int, with_backward: bool):
        self.form, self.sets, self.heads, self.frames, self.with_backward = form, sets, heads, frames, with_backward
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self.run()
        torch.cuda.current_stream().wait_stream(side)
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.run()
        self.graph.replay()
        torch.cuda.synchronize()

    def run(self) -> None:
        for q, k, v, grad in self.sets:
            if self.with_backward:
                differentiate(self.form, q, k, v, grad, self.heads, self.frames)
            else:
                with torch.no_grad():
                    self.form(q, k, v, self.heads, self.frames)

    def milliseconds(self) -> float:
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        self.graph.replay()
        end.record()
        torch.cuda.synchronize()
        return begin.elapsed_time(end) / len(self.sets)


def operations(size, with_backward: bool) -> float:
    """Of the products that PISA cannot do without: 2 forward, 5 backward for each pair of query and key."""
    batch, frames, references, n, heads, d = size
    pairs = frames * n * (n + references * n) + references * n * (frames * n + references * n)
    return batch * heads * pairs * 2 * d * (7 if with_backward else 2)


def peak_rate() -> float:
    """FLOP/s of a large bf16 matrix product on random numbers."""
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(12):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        a @ b
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end))
    return 2 * 8192**3 / (statistics.median(times[2:]) / 1e3)


def time_forms(forms: dict, size, type_name: str, with_backward: bool, peak: float) -> dict:
    _, frames, _, _, heads, _ = size
    one = draw(size, TYPES[type_name], seed=0)
    count = max(1, math.ceil(SETS_BYTES / sum(x.numel() * x.element_size() for x in one)))
    sets = [draw(size, TYPES[type_name], seed) for seed in range(min(count, 8))]
    timed, failures = {}, {}
    for name, form in forms.items():
        try:
            timed[name] = Timed(form, sets, heads, frames, with_backward)
        except RuntimeError as error:
            failures[name] = str(error).splitlines()[0]
    samples = {name: [] for name in timed}
    for _ in range(REPETITIONS):
        for name, each in timed.items():
            samples[name].append(each.milliseconds())
    work = operations(size, with_backward)
    medians = {name: statistics.median(times) for name, times in samples.items()}
    return {
        "size": size,
        "type": type_name,
        "pass": "forward + backward" if with_backward else "forward",
        "milliseconds": medians,
        "spread": {name: (min(times), max(times)) for name, times in samples.items()},
        "share_of_peak": {name: work / (ms / 1e3) / peak for name, ms in medians.items()},
        "failures": failures,
    }


def show(row: dict) -> None:
    print(f"{row['size']} {row['type']}, {row['pass']}:")
    peers = {name: ms for name, ms in row["milliseconds"].items() if name in FORMS}
    default, best = peers.get("concatenation, default", math.nan), min(peers.values(), default=math.nan)
    for name, ms in row["milliseconds"].items():
        ratios = "" if name in FORMS else f"  {ms / default:.2f} x the default, {ms / best:.2f} x the best"
        print(f"  {name:26s} {ms:8.3f} ms  {row['share_of_peak'][name]:6.1%} of the peak{ratios}")
    for name, reason in row["failures"].items():
        print(f"  {name:26s} not taken: {reason}")
    sys.stdout.flush()


def profile(library: Library, type_name: str) -> dict[str, dict[str, float]]:
    """Microseconds of each kernel."""
    found = {}
    for size in TIMED:
        _, frames, _, _, heads, d = size
        inputs = draw(size, TYPES[type_name], seed=0)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
            for _ in range(5):
                differentiate(library, *inputs, heads, frames)
            torch.cuda.synchronize()
        found[str(size)] = {e.key[:90]: e.self_device_time_total / 5 for e in profiler.key_averages()}
    return found


def build(variants: dict[str, Path], nvcc: str, folder: Path) -> tuple[dict[str, Library], dict[str, str]]:
    libraries, reports = {}, {}
    for name, sources in variants.items():
        begin = time.monotonic()
        path = folder / f"pisa_{len(libraries)}.so"
        reports[name] = compile_kernels(sources / "pisa.cu", path, nvcc)
        libraries[name] = Library(path)
        print(f"compiled {name} in {time.monotonic() - begin:.0f} s", flush=True)
    return libraries, reports


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="where the report goes, JSON")
    parser.add_argument("--nvcc", default="nvcc")
    parser.add_argument("--library", type=Path, help="cameo_cuda.so as it was built, rather than compiling anew")
    parser.add_argument("--check-only", action="store_true", help="the small sizes alone, as for compute-sanitizer")
    parser.add_argument("--variant", action="append", default=[], help="NAME=FOLDER: other sources, timed beside ours")
    options = parser.parse_args()

    variants = {"cameo": KERNELS} | {name: Path(folder) for name, folder in (v.split("=", 1) for v in options.variant)}
    report = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "checks": [], "times": []}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as at_end:
        if options.out:
            at_end.callback(lambda: options.out.write_text(json.dumps(report, indent=1) + "\n"))
        if options.library:
            libraries = {"cameo": Library(options.library)}
        else:
            libraries, report["compiler"] = build(variants, options.nvcc, Path(folder))
        report["checks"], right = check_all(libraries, CHECKED if options.check_only else CHECKED + TIMED)
        if options.check_only:
            return 0 if right else 1
        report["peak"] = peak = peak_rate()
        print(f"bf16 matrix product: {peak / 1e12:.0f} TFLOP/s", flush=True)
        forms = libraries | FORMS
        for type_name in TYPES:
            for size in TIMED:
                for with_backward in (False, True):
                    report["times"].append(time_forms(forms, size, type_name, with_backward, peak))
                    show(report["times"][-1])
        try:
            report["kernels"] = {name: profile(library, "bfloat16") for name, library in libraries.items()}
        except RuntimeError as error:
            print(f"no profile: {error}")
        for name, sizes in report.get("kernels", {}).items():
            for size, kernels in sizes.items():
                print(name, size, *(f"\n  {us:9.1f} us  {kernel}" for kernel, us in kernels.items()))
    print("all results are right" if right else "SOME RESULTS ARE WRONG (see above)")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
