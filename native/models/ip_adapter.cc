#include "models/ip_adapter.h"

#include <ATen/ATen.h>

namespace cameo::models {

IpAdapter::IpAdapter(const ImageProjectionConfig& config, const std::vector<CrossAttention>& attentions,
                     bool learned_scales)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      projection_(makeImageProjection(Scope(*parameters_) / "image_proj", config)) {
  const Scope scope = Scope(*parameters_) / "ip_adapter";
  attentions_.reserve(attentions.size());
  for (size_t i = 0; i < attentions.size(); ++i) {
    // The files count self-attention, too.
    const Scope attention = scope / static_cast<int64_t>(2 * i + 1);
    const auto& [name, channels, context_dim] = attentions[i];
    attentions_.push_back({nn::Linear(attention / "to_k_ip", context_dim, channels, /*bias=*/false),
                           nn::Linear(attention / "to_v_ip", context_dim, channels, /*bias=*/false),
                           learned_scales ? &attention.parameter("alpha", {1}) : nullptr});
  }
}

at::Tensor IpAdapter::tokens(const at::Tensor& pictures) const {
  return std::visit([&](const auto& projection) { return projection.forward(pictures); }, projection_);
}

nn::ImagePrompts IpAdapter::prompts(const at::Tensor& tokens) const {
  nn::ImagePrompts prompts;
  for (const auto& [to_k, to_v, alpha] : attentions_) {
    at::Tensor v = to_v.forward(tokens);
    if (alpha != nullptr) v = v * (1 + at::tanh((*alpha)->to(at::kFloat))).to(v.scalar_type());
    prompts.push_back({to_k.forward(tokens), v});
  }
  return prompts;
}

}  // namespace cameo::models
