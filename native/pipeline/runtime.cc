#include "pipeline/runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/headeronly/version.h>

#include <stdexcept>

#include "core/cuda_library.h"

namespace cameo::pipeline {

namespace {

/// Why a GPU does without this package's kernels; null where it has them.
nlohmann::json reasonWithoutKernels() {
  try {
    cudaLibraryFunction("cameoPisaForward");
    return nullptr;
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

}  // namespace

nlohmann::json describeRuntime() {
  const int64_t gpus = at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
  nlohmann::json runtime{{"libtorch", TORCH_VERSION},
                         {"threads", at::get_num_threads()},
                         {"cpu", at::get_cpu_capability()},
                         {"cuda", gpus}};
  if (gpus > 0) runtime["missingKernels"] = reasonWithoutKernels();
  return runtime;
}

}  // namespace cameo::pipeline
