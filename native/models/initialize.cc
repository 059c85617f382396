#include "models/initialize.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string_view>

#include "core/rng.h"
#include "models/motion_names.h"

namespace cameo::models {

namespace {

constexpr double kEmbeddingDeviation = 0.02;  // transformers' CLIP

/// A hash of the name that is the same with every standard library (FNV-1a, 64 bits).
uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  return hash;
}

/// Sinusoids over time, (1, positions, channels), as in "Attention is all you need" (arXiv 1706.03762, 3.5).
at::Tensor positionCodes(int64_t positions, int64_t channels) {
  const at::Tensor frequencies =
      at::arange(0, channels, 2, at::kFloat).mul_(-std::log(10000.0) / static_cast<double>(channels)).exp_();
  const at::Tensor angles = at::arange(positions, at::kFloat).unsqueeze(1) * frequencies;
  return at::stack({angles.sin(), angles.cos()}, 2).flatten(1).narrow(1, 0, channels).unsqueeze(0);
}

/// The number of inputs that reach one output; 0 for a norm's parameters.
int64_t fanIn(ParameterSet& parameters, const Parameter& parameter) {
  const bool is_bias = parameter.name.ends_with("bias");
  const std::string weight_name =
      is_bias ? parameter.name.substr(0, parameter.name.size() - 4) + "weight" : parameter.name;
  const Parameter* weight = parameters.find(weight_name);
  return weight == nullptr || weight->shape.size() < 2 ? 0 : weight->numel() / weight->shape[0];
}

at::Tensor draw(ParameterSet& parameters, const Parameter& parameter, const at::Generator& generator) {
  const std::string& name = parameter.name;
  const auto contains = [&](const char* part) { return name.find(part) != std::string::npos; };
  if (parameter.initial) return parameter.initial(parameter.shape, generator);
  if (!parameter.trainable) return positionCodes(parameter.shape[1], parameter.shape[2]);
  if (isMotionName(name) && contains(".proj_out.")) return at::zeros(parameter.shape);
  if (contains("_embedding.weight")) {
    return at::normal(0, kEmbeddingDeviation, parameter.shape, generator);
  }
  const int64_t fan_in = fanIn(parameters, parameter);
  if (fan_in == 0) return name.ends_with("bias") ? at::zeros(parameter.shape) : at::ones(parameter.shape);
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  return at::empty(parameter.shape).uniform_(-bound, bound, generator);
}

}  // namespace

void initialize(ParameterSet& parameters, uint64_t seed, const Drawn& drawn) {
  for (Parameter& parameter : parameters.all()) {
    if (parameter.value.defined()) continue;
    const at::Generator generator = makeGenerator(seed, RandomStream::InitialWeights, fnv1a(parameter.name));
    const at::ScalarType dtype = parameter.storedIn(drawn.dtype);
    parameter.value =
        draw(parameters, parameter, generator)
            .to(drawn.device, dtype)
            .contiguous(drawn.channels_last ? parameter.channelsLast() : at::MemoryFormat::Contiguous);
  }
}

}  // namespace cameo::models
