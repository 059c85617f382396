import { test } from "tap";
import { runProbe } from "../../support/probes.js";

const cases = {
  ERR_OUT_OF_MEMORY: [
    "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes",
    "CUDA error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
  ],
  ERR_DEVICE: [
    "CUDA error: an illegal memory access was encountered",
    "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`",
  ],
  ERR_LIBTORCH: ["Expected all tensors to be on the same device"],
};

for (const [code, messages] of Object.entries(cases)) {
  test(`libtorch's failures that are ${code}`, async (t) => {
    for (const message of messages) t.throws(() => runProbe("core.fail_as_torch", { message }, {}), { code });
  });
}
