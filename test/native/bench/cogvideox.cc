#include "models/dit/cogvideox.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <fstream>

#include "core/memory_pool.h"
#include "harness.h"
#include "models/initialize.h"

namespace cameo::test {

namespace {

/// This process's resident memory, or its peak ("VmHWM"), in bytes, as Linux counts them.
double residentBytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return 1024 * std::stod(line.substr(field.size() + 1));
  }
  return 0;
}

/// CogVideoX-2B's transformer, of as many layers as the config says, at 256x256 with 9 frames: seconds of
/// each evaluation, and the largest memory of all, beside the weights and with them.
Tensors timeCogVideoX(const Json& config, const Tensors&) {
  const c10::InferenceMode inference;
  const MemoryPool::Scope pooled;
  models::CogVideoX model(models::CogVideoXConfig::read(Config(config, "transformer")));
  const at::ScalarType dtype = config.at("dtype") == "bf16" ? at::kBFloat16 : at::kFloat;
  models::initialize(model.parameters(), 0, {.dtype = dtype});
  const at::TensorOptions options(dtype);
  const models::CogVideoXInput input{.latents = at::randn({2, 3, 16, 32, 32}).to(options),
                                     .timesteps = at::full({2}, 801, at::kLong),
                                     .text = at::randn({2, 226, 4096}).to(options),
                                     .offset = {}};
  std::vector<double> seconds;
  double work = 0, peak = 0;
  for (int64_t i = 0; i < config.at("evaluations"); ++i) {
    std::ofstream("/proc/self/clear_refs") << "5" << std::flush;
    const double before = residentBytes("VmRSS");
    const auto start = std::chrono::steady_clock::now();
    model.forward(input);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    seconds.push_back(took.count());
    peak = std::max(peak, residentBytes("VmHWM"));
    work = std::max(work, residentBytes("VmHWM") - before);
  }
  return {{"seconds", at::tensor(seconds, at::kFloat)},
          {"work", at::tensor({work}, at::kDouble)},
          {"peak", at::tensor({peak}, at::kDouble)}};
}

}  // namespace

const bool kCogVideoXTimed = addProbe("bench.cogvideox", timeCogVideoX);

}  // namespace cameo::test
