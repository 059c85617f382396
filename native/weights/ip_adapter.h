#pragma once

#include <memory>
#include <string>
#include <vector>

#include "models/cross_attentions.h"
#include "models/image_projection.h"
#include "weights/component.h"

namespace cameo::weights {

/// Why a file of IP-Adapter's can't be taken, in words; "" where it can, or is of another kind.
std::string unfitIpAdapter(const TensorSource& source);

/// "an IP-Adapter for Stable Diffusion 1 (plus, 16 tokens a picture)"
std::string describeIpAdapter(const TensorSource& source);

/// An IP-Adapter, with the names and sizes of `models::IpAdapter`.
struct IpAdapterFile {
  std::string path;
  models::ImageProjectionConfig config;
  Layer layer;
};

/// Opens a file with the names of the authors or of diffusers, or a folder with one such file, or `models/`
/// with one in it. `attentions` are those of the UNet that it is for. Throws `ErrorCode::WeightsFormat`, and
/// `ErrorCode::WeightsMismatch` for a file of another kind or for another base.
IpAdapterFile openIpAdapter(const std::string& path, const std::vector<models::CrossAttention>& attentions);

/// The sizes of a projection that is named as IP-Adapter's are, whose resampler has heads of this size.
/// Throws `ErrorCode::WeightsFormat`.
models::ImageProjectionConfig imageProjectionOf(const TensorSource& source, int64_t head_dim);

/// The image encoder's folder that is published with an adapter: `image_encoder` beside its file, or within
/// its folder. "" where there is none.
std::string imageEncoderOf(const std::string& ip_adapter);

/// transformers' CLIPVisionModelWithProjection, or a whole CLIPModel. Throws `ErrorCode::WeightsFormat`.
Component openImageEncoder(const std::string& folder, Weights weights);

}  // namespace cameo::weights
