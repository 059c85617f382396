#include "core/rng.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include "harness.h"

namespace cameo::test {

namespace {

/// The first numbers that are drawn for `seed`: a request's noise, the stream of "purpose" at "index", and by
/// PyTorch's generator for that seed.
Tensors normalNumbers(const Json& config, const Tensors&) {
  const uint64_t seed = config.at("seed");
  const auto stream = static_cast<RandomStream>(config.value("purpose", uint64_t{0}));
  const at::Generator pytorch = at::make_generator<at::CPUGeneratorImpl>(seed);
  return {{"drawn", drawNormal({16}, makeGenerator(seed, stream, config.value("index", uint64_t{0})))},
          {"pytorch", drawNormal({16}, pytorch)}};
}

}  // namespace

const bool kRngRegistered = addProbe("core.normal_numbers", normalNumbers);

}  // namespace cameo::test
