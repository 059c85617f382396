"""cameo's kernels for CUDA (native/cuda), compiled with nvcc and called as PyTorch functions."""

import ctypes
import math
import os
import subprocess
from pathlib import Path

import torch

KERNELS = Path(__file__).resolve().parents[2] / "native" / "cuda"


class Reference(ctypes.Structure):
    _fields_ = [
        *[(name, ctypes.c_int32) for name in ("subject", "first", "count")],
        ("log2_strength", ctypes.c_float),
    ]


class Regions(ctypes.Structure):
    _fields_ = [("bits", ctypes.c_void_p), ("words", ctypes.c_int32), ("references", Reference * 32)]

    def __init__(self, listens: torch.Tensor, strengths: list[float]):
        """`listens` (S, F, n), bool: which positions listen to a subject, of which each has one reference."""
        super().__init__()
        padded = torch.nn.functional.pad(listens.long(), (0, -listens.shape[2] % 128)).unflatten(2, (-1, 32))
        shifts = torch.arange(32, device=listens.device)
        self.kept = padded.bitwise_left_shift(shifts).sum(-1).to(torch.int32).contiguous()
        self.bits, self.words = self.kept.data_ptr(), self.kept.shape[2]
        for i, strength in enumerate(strengths):
            self.references[i] = Reference(i, i, 1, math.log2(strength))


class Problem(ctypes.Structure):
    _fields_ = [
        *[
            (name, ctypes.c_int32)
            for name in ("batch", "frames", "references", "tokens", "heads", "head_size", "is_bfloat16")
        ],
        ("regions", ctypes.POINTER(Regions)),
    ]


class Strides(ctypes.Structure):
    _fields_ = [("sample", ctypes.c_int64), ("token", ctypes.c_int64)]


def _pointers(*names: str) -> list:
    return [(name, ctypes.c_void_p) for name in names]


class Forward(ctypes.Structure):
    _fields_ = [
        *_pointers("q", "k", "v"),
        ("input", Strides),
        *_pointers("out", "workspace", "log_sum_exp", "each"),
    ]


class Backward(ctypes.Structure):
    _fields_ = [
        *_pointers("q", "k", "v"),
        ("input", Strides),
        *_pointers("grad_out", "out", "each", "log_sum_exp", "dq", "dk", "dv"),
        ("gradient", Strides),
        *_pointers("workspace"),
    ]


class GroupNorm(ctypes.Structure):
    _fields_ = [
        *_pointers("x", "weight", "bias", "y", "workspace"),
        *[(name, ctypes.c_int32) for name in ("images", "positions", "channels", "groups", "is_bfloat16", "silu")],
        ("eps", ctypes.c_float),
    ]


def compile_kernels(source: Path, to: Path, nvcc: str = "nvcc") -> str:
    """The compiler's report of registers, shared memory and spills; `to` is the library."""
    major, minor = torch.cuda.get_device_capability()
    command = [nvcc, "-std=c++20", "-O3", "-shared", "-cudart", "none", "-Xcompiler", "-fPIC"]
    command += ["--expt-relaxed-constexpr", "-Xptxas", "-v"]
    command += [f"-gencode=arch=compute_{major}{minor},code=sm_{major}{minor}", str(source), "-o", str(to)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"nvcc failed:\n{done.stdout}{done.stderr}")
    return done.stderr


def _pointer(x: torch.Tensor | None) -> int | None:
    return None if x is None else x.data_ptr()


def _strides(x: torch.Tensor) -> Strides:
    return Strides(x.stride(0), x.stride(2))


def _open(path: Path, *counts: str) -> ctypes.CDLL:
    """A build of the kernels; `counts` are its functions that give numbers of floats."""
    # CUDA's runtime is PyTorch's, which has it in memory, but perhaps for itself; so are the libraries that the part for
    # NCCL of cameo_cuda.so calls.
    ctypes.CDLL(f"libcudart.so.{(torch.version.cuda or '13').split('.')[0]}", mode=os.RTLD_GLOBAL)
    for name in ("libc10.so", "libc10_cuda.so", "libtorch_cpu.so", "libtorch_cuda.so"):
        ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / name), mode=os.RTLD_GLOBAL)
    library = ctypes.CDLL(str(path.resolve()), mode=os.RTLD_NOW)
    for name in counts:
        getattr(library, name).restype = ctypes.c_int64
    return library


def _call(library: ctypes.CDLL, name: str, *structures: ctypes.Structure) -> None:
    stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
    error = getattr(library, name)(*map(ctypes.byref, structures), stream)
    if error != 0:
        raise RuntimeError(f"{name}: CUDA error {error}")


class GroupNormLibrary:
    """One build of group norm's kernels. x (N, C, H, W), channels-last."""

    def __init__(self, path: Path):
        self.library = _open(path, "cameoGroupNormWorkspace")

    def __call__(self, x, groups: int, weight, bias, eps: float, silu: bool) -> torch.Tensor:
        y = torch.empty_like(x)
        images, channels, height, width = x.shape
        sizes = images, height * width, channels, groups, int(x.dtype == torch.bfloat16), int(silu)
        norm = GroupNorm(*map(_pointer, (x, weight, bias, y)), None, *sizes, eps)
        count = self.library.cameoGroupNormWorkspace(ctypes.byref(norm))
        workspace = torch.empty(count, dtype=torch.float32, device=x.device)
        norm.workspace = workspace.data_ptr()
        _call(self.library, "cameoGroupNorm", norm)
        return y


class Library:
    """One build of PISA's kernels. q, k and v are (B, F+R, n, H*d) and share their strides."""

    def __init__(self, path: Path, regions: Regions | None = None):
        self.path, self.regions = path, regions
        self.library = _open(path, "cameoPisaForwardWorkspace", "cameoPisaBackwardWorkspace")

    def within(self, regions: Regions) -> "Library":
        """The same where each subject has a region."""
        return Library(self.path, regions)

    def _problem(self, q: torch.Tensor, heads: int, frames: int) -> Problem:
        batch, images, tokens, channels = q.shape
        half = q.dtype == torch.bfloat16
        sizes = batch, frames, images - frames, tokens, heads, channels // heads, int(half)
        return Problem(*sizes, ctypes.pointer(self.regions) if self.regions else None)

    def _workspace(self, name: str, problem: Problem, like: torch.Tensor) -> torch.Tensor:
        count = getattr(self.library, name)(ctypes.byref(problem))
        return torch.empty(count, dtype=torch.float32, device=like.device)

    def forward(self, q, k, v, heads: int, frames: int, keeps: bool):
        """The result, and for the backward pass (otherwise None) log-sum-exps and each frame's references."""
        problem = self._problem(q, heads, frames)
        rows = problem.references * problem.tokens
        out, log_sum_exp, each = torch.empty(q.shape, dtype=q.dtype, device=q.device), None, None
        if keeps:
            count = (problem.batch, heads, frames * problem.tokens + frames * rows)
            log_sum_exp = torch.empty(count, dtype=torch.float32, device=q.device)
            each = torch.empty((problem.batch, frames, rows, q.shape[3]), dtype=q.dtype, device=q.device)
        workspace = self._workspace("cameoPisaForwardWorkspace", problem, q)
        tensors = Forward(
            *map(_pointer, (q, k, v)), _strides(q), *map(_pointer, (out, workspace, log_sum_exp, each))
        )
        _call(self.library, "cameoPisaForward", problem, tensors)
        return out, log_sum_exp, each

    def backward(self, q, k, v, heads: int, frames: int, grad, out, log_sum_exp, each):
        problem = self._problem(q, heads, frames)
        gradients = [torch.empty(q.shape, dtype=q.dtype, device=q.device) for _ in range(3)]
        workspace = self._workspace("cameoPisaBackwardWorkspace", problem, q)
        tensors = Backward(
            *map(_pointer, (q, k, v)),
            _strides(q),
            *map(_pointer, (grad, out, each, log_sum_exp, *gradients)),
            _strides(gradients[0]),
            _pointer(workspace),
        )
        _call(self.library, "cameoPisaBackward", problem, tensors)
        return gradients

    def __call__(self, q, k, v, heads: int, frames: int) -> torch.Tensor:
        if torch.is_grad_enabled() and q.requires_grad:
            return _Fused.apply(q, k, v, heads, frames, self)
        return self.forward(q, k, v, heads, frames, keeps=False)[0]


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, heads, frames, library):
        out, log_sum_exp, each = library.forward(q, k, v, heads, frames, keeps=True)
        ctx.save_for_backward(q, k, v, out, log_sum_exp, each)
        ctx.rest = heads, frames, library
        return out

    @staticmethod
    def backward(ctx, grad):
        q, k, v, out, log_sum_exp, each = ctx.saved_tensors
        heads, frames, library = ctx.rest
        gradients = library.backward(q, k, v, heads, frames, grad.contiguous(), out, log_sum_exp, each)
        return (*gradients, None, None, None)
