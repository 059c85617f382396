#include "core/device.h"

#include <ATen/ATen.h>

#include "harness.h"

namespace cameo::test {

namespace {

/// `autoDtype` for `device`, "cpu" or "cuda", that is `fast` in bf16 or not: 1 under the type's name.
Tensors dtypeByDevice(const Json& config, const Tensors&) {
  const c10::Device device(config.at("device").get<std::string>());
  return {{dtypeName(autoDtype(device.type(), config.at("fast"))), at::ones({1})}};
}

}  // namespace

const bool kAutoDtypeRegistered = addProbe("core.auto_dtype", dtypeByDevice);

}  // namespace cameo::test
