#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/cross_attentions.h"
#include "weights/key_maps.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// What an adapter's tensors begin with, as its authors name them, and of its projection as diffusers does
/// within a UNet.
inline constexpr std::string_view kImageProjection = "image_proj.", kIpAttention = "ip_adapter.",
                                  kDiffusersProjection = "encoder_hid_proj.image_projection_layers.0.";

/// The name in `models::IpAdapter` for a name in a file, of whose UNet `attentions` are; a UNet's own tensors
/// are left out.
KeyMap ipAdapterKeys(const std::vector<models::CrossAttention>& attentions);

/// The file with keys and values apart that it has in one matrix (`to_kv`).
TensorSource withKeysAndValuesApart(const TensorSource& source);

}  // namespace cameo::weights
