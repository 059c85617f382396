#include "models/dit/wan_image.h"

#include <ATen/ATen.h>

namespace cameo::models {

namespace {

constexpr double kWanImageEps = 1e-5;

Scope wanImageScope(ParameterSet& parameters) {
  return Scope(parameters) / "condition_embedder" / "image_embedder";
}

}  // namespace

WanImage::WanImage(const WanConfig& config)
    : parameters_(std::make_unique<ParameterSet>()),
      norm_in_(wanImageScope(*parameters_) / "norm1", *config.image_dim, kWanImageEps),
      proj_(wanImageScope(*parameters_) / "ff" / "net" / 0 / "proj", *config.image_dim, *config.image_dim),
      out_(wanImageScope(*parameters_) / "ff" / "net" / 2, *config.image_dim, config.dim()),
      norm_out_(wanImageScope(*parameters_) / "norm2", config.dim(), kWanImageEps) {
  if (!config.image_tokens_pair) return;
  positions_ =
      &wanImageScope(*parameters_).parameter("pos_embed", {1, *config.image_tokens_pair, *config.image_dim});
}

at::Tensor WanImage::forward(const at::Tensor& states) const {
  at::Tensor x = states.reshape({1, -1, states.size(2)});
  if (positions_ != nullptr) x = x + (*positions_)->to(x.scalar_type());
  return norm_out_.forward(out_.forward(at::gelu(proj_.forward(norm_in_.forward(x)))));
}

}  // namespace cameo::models
