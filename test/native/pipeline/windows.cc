#include "pipeline/windows.h"

#include <ATen/ATen.h>

#include "harness.h"

namespace cameo::test {

namespace {

/// Where windows begin and how long they are; what comes of windows that give their part of `x`; and of
/// windows that give their own number.
Tensors windows(const Json& config, const Tensors& in) {
  const auto all = pipeline::windowsOf(
      config.at("frames"), {config.at("length").get<int64_t>(), config.at("overlap").get<int64_t>()});
  std::vector<int64_t> first, count;
  for (const auto& window : all) {
    first.push_back(window.frames.front());
    count.push_back(window.count());
  }
  const at::Tensor x = in.at("x");
  const at::Tensor same =
      pipeline::overWindows(all, x.size(1), [&](const auto& window) { return window.of(x, 1).clone(); });
  double number = 0;
  const at::Tensor numbers = pipeline::overWindows(
      all, x.size(1), [&](const auto& window) { return at::full_like(window.of(x, 1), number++); });
  return {{"first", at::tensor(first)}, {"count", at::tensor(count)}, {"same", same}, {"numbers", numbers}};
}

}  // namespace

const bool kWindowsRegistered = addProbe("pipeline.windows", windows);

}  // namespace cameo::test
