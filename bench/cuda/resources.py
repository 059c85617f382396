"""What the compiler gives cameo's kernels for CUDA: registers, spills and shared memory of each, as a table of Markdown.

    python3 bench/cuda/resources.py [--nvcc nvcc] [--architecture 90a]

Needs nvcc alone. A head size of PISA's has a row; fp16's and bf16's are alike, and the larger numbers stand.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

KERNELS = Path(__file__).resolve().parents[2] / "native" / "cuda"
ENTRY = re.compile(r"Compiling entry function '(\S+)'")
NAME = re.compile(r"runBodyINS0_\d+([A-Za-z]+)ILNS0_9PrecisionE\d(?:ELi(\d+))?")
SPILLS = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS = re.compile(r"Used (\d+) registers")


def report(nvcc: str, architecture: str, source: Path) -> str:
    with tempfile.TemporaryDirectory() as folder:
        command = [nvcc, "-std=c++20", "-O3", "-Xcompiler=-fPIC", "--expt-relaxed-constexpr", "-Xptxas", "-v"]
        command += [f"-gencode=arch=compute_{architecture},code=sm_{architecture}", "-c", str(source)]
        done = subprocess.run([*command, "-o", f"{folder}/kernels.o"], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stderr + done.stdout


def kernels(text: str) -> dict[tuple[str, int], tuple[int, int]]:
    """(name, head size or 0): registers and bytes that are spilled."""
    found: dict[tuple[str, int], tuple[int, int]] = {}
    parts = ENTRY.split(text)[1:]
    for entry, said in zip(parts[::2], parts[1::2]):
        name, registers, spills = NAME.search(entry), REGISTERS.search(said), SPILLS.search(said)
        if not (name and registers and spills):
            raise SystemExit(f"nvcc says something else of {entry} than is read here:\n{said}")
        key, spilled = (name[1], int(name[2] or 0)), int(spills[1]) + int(spills[2])
        before = found.get(key, (0, 0))
        found[key] = max(before[0], int(registers[1])), max(before[1], spilled)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nvcc", default="nvcc")
    parser.add_argument("--architecture", default="90a")
    options = parser.parse_args()
    print("| kernel | head size | registers | bytes spilled |\n| --- | --- | --- | --- |")
    for name in ("pisa", "group_norm"):
        found = kernels(report(options.nvcc, options.architecture, KERNELS / f"{name}.cu"))
        for (kernel, head), (registers, spilled) in sorted(found.items()):
            print(f"| {kernel} | {head or ''} | {registers} | {spilled} |")


main()
