#include "pipeline/runtime.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/headeronly/version.h>

namespace cameo::pipeline {

nlohmann::json describeRuntime() {
  const int64_t gpus = at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
  return {{"libtorch", TORCH_VERSION},
          {"threads", at::get_num_threads()},
          {"cpu", at::get_cpu_capability()},
          {"cuda", gpus}};
}

}  // namespace cameo::pipeline
