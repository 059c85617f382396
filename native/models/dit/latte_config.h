#pragma once

#include <string>

#include "core/config.h"

namespace cameo::models {

/// diffusers' LatteTransformer3DModel (arXiv 2401.03048).
struct LatteConfig {
  int64_t heads = 16;
  int64_t head_dim = 88;
  int64_t in_channels = 4;
  int64_t out_channels = 8;
  int64_t layers = 1;         // pairs of a block over space and one over time
  int64_t text_channels = 0;  // of the prompt's states
  int64_t sample_size = 64;   // of a square frame's latents, for which its positions were learned
  int64_t patch = 2;          // latents along each side of a token
  int64_t frames = 16;        // of a film: there are positions for as many, and for a still
  bool qkv_bias = false;
  bool affine_norms = true;
  double eps = 1e-5;
  std::string activation = "geglu";

  int64_t dim() const { return heads * head_dim; }

  /// Throws `ErrorCode::WeightsFormat`.
  static LatteConfig read(const Config& config);
};

}  // namespace cameo::models
