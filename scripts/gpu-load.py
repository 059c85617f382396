"""Packs all that a GPU day needs on a machine without network and without Node: build/gpu-day/load.tar.xz.

    python3 scripts/gpu-load.py

Wanted beforehand: a build with CUDA's kernels (docs/gpu-day.md) and the tests' addon. Fetches, by npm and pip, what the
clone does not have: sharp as WebAssembly, which is smaller, and diffusers. Ends with 1 where the load is larger than 60 MiB.
"""

import json
import lzma
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOAD = ROOT / "build" / "gpu-day" / "load.tar.xz"
MOST_BYTES = 60 * 2**20
DIFFUSERS = "diffusers==0.42.1"

TRACKED = ["package.json", "bin", "examples", "bench/cuda", "bench/gpu_day", "bench/full_size/pisa.py"]
TRACKED += ["scripts/gpu-day.sh", "test/fixtures/nn", "test/fixtures/models", "test/fixtures/pipeline"]
TRACKED += [f"weights/troupe/{name}" for name in ("base", "motion", "subject.safetensors", "model.json")]
BUILT = ["dist", "build/Release", "build/test-addon", "build/test/support"]
BUILT += ["build/weights/troupe/command.js", "build/weights/troupe/world"]
# With what they need. Left out: mediabunny, webcodecs and echarts (films and charts), hono and open (the studio), cmake-js and
# node-addon-api (compiling), all that is for development alone.
PACKAGES = ["zod", "commander", "node-gyp-build", "jsonc-parser", "@huggingface/tokenizers", "cli-progress"]
PACKAGES += ["csv-parse", "sharp", "@napi-rs/canvas"]
NATIVE = ["@napi-rs/canvas-linux-x64-gnu"]
# Of packages and of what is compiled; types, maps and sources are for development.
KEPT = {".js", ".mjs", ".cjs", ".json", ".node", ".wasm"}
LEFT_OUT = ("dist/studio/page/", "build/gpu-day/python/diffusers/pipelines/")


def packages() -> list[str]:
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    found: list[str] = []

    def add(name: str) -> None:
        if name in found:
            return
        found.append(name)
        for needed in lock[f"node_modules/{name}"].get("dependencies", {}):
            add(needed)

    for name in PACKAGES + NATIVE:
        add(name)
    return [f"node_modules/{name}" for name in found]


def clone_files() -> dict[str, Path]:
    """By their names in the load."""
    wanted = TRACKED + BUILT + packages()
    missing = [name for name in [*wanted, "build/Release/cameo_cuda.so"] if not (ROOT / name).exists()]
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}: build them as docs/gpu-day.md says")
    files: dict[str, Path] = {}
    for name in wanted:
        path = ROOT / name
        for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
            inside = file.relative_to(ROOT).as_posix()
            built = name in BUILT or name.startswith("node_modules/")
            kept = not built or file.suffix in KEPT or file.name == "cameo_cuda.so"
            if kept and not inside.startswith(LEFT_OUT) and "__pycache__" not in inside:
                files[inside] = file
    # Each addon opens it beside itself.
    files["build/test-addon/cameo_cuda.so"] = ROOT / "build/Release/cameo_cuda.so"
    return files


def stripped(program: Path, folder: Path) -> Path:
    to = folder / program.name
    shutil.copy2(program, to)
    subprocess.run(["strip", to], check=True)
    return to


def fetched_packages(folder: Path) -> dict[str, Path]:
    version = json.loads((ROOT / "node_modules/sharp/package.json").read_text())["version"]
    command = ["npm", "install", "--prefix", folder, "--no-save", "--force", f"@img/sharp-wasm32@{version}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    modules = folder / "node_modules"
    return {
        f"node_modules/{path.relative_to(modules).as_posix()}": path
        for path in sorted(modules.rglob("*"))
        if path.is_file() and path.suffix in KEPT
    }


def diffusers_files(folder: Path) -> dict[str, Path]:
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, DIFFUSERS], check=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "python")
    python = folder / "python"
    named = {f"build/gpu-day/python/{path.relative_to(python).as_posix()}": path for path in sorted(python.rglob("*"))}
    return {name: path for name, path in named.items() if path.is_file() and not name.startswith(LEFT_OUT)}


def pack(files: dict[str, Path]) -> dict[str, int]:
    """Writes the load; how large each part of it is before it is compressed."""
    machine_code = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 1 << 27}]
    # Machine code first, which its filter is for; what follows is indifferent to it.
    order = sorted(files, key=lambda name: (files[name].suffix not in {".node", ".so", ""}, name))
    LOAD.parent.mkdir(parents=True, exist_ok=True)
    with lzma.open(LOAD, "wb", format=lzma.FORMAT_XZ, filters=machine_code) as out:
        with tarfile.open(fileobj=out, mode="w") as load:
            for name in order:
                load.add(files[name], name)
    sizes: dict[str, int] = {}
    for name in order:
        part = "/".join(name.split("/")[: 2 if name.startswith(("node_modules", "build", "weights")) else 1])
        sizes[part] = sizes.get(part, 0) + files[name].stat().st_size
    return sizes


def main() -> None:
    node = shutil.which("node")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("npm", "pip", "bin"):
            (folder / part).mkdir()
        files = clone_files()
        files |= fetched_packages(folder / "npm") | diffusers_files(folder / "pip")
        files["build/gpu-day/bin/node"] = stripped(Path(node), folder / "bin")
        canvas = next(name for name in files if name.endswith(".node") and "canvas" in name)
        files[canvas] = stripped(files[canvas], folder / "bin")
        sizes = pack(files)
    for part, size in sorted(sizes.items(), key=lambda item: -item[1])[:20]:
        print(f"{size / 2**20:8.1f} MiB  {part}")
    packed = LOAD.stat().st_size
    print(f"{packed / 2**20:8.1f} MiB  packed: {LOAD.relative_to(ROOT)}, of at most {MOST_BYTES / 2**20:.0f}")
    if packed > MOST_BYTES:
        raise SystemExit("the load is too large: leave something out of it in this script")


main()
