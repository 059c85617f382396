#include "core/error.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include "harness.h"

namespace cameo::test {

namespace {

/// Fails as libtorch does with the `message`.
Tensors failAsTorch(const Json& config, const Tensors&) {
  TORCH_CHECK(false, config.at("message").get<std::string>());
}

}  // namespace

const bool kErrorsRegistered = addProbe("core.fail_as_torch", failAsTorch);

}  // namespace cameo::test
