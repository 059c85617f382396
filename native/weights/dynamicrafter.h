#pragma once

#include <memory>

#include "models/cross_attentions.h"
#include "models/image_projection.h"
#include "weights/base_model.h"

namespace cameo::weights {

/// What a DynamiCrafter checkpoint is sampled with, beside its networks.
struct DynamiCrafterFacts {
  int64_t head_dim = 64;          // of the UNet
  int64_t width = 0, height = 0;  // of its films
  double rate = 0;                // what it is told where a request says nothing
  bool rate_is_stride = false;    // frames of a clip between two of the film's; else frames a second
  bool learned_scales = false;    // of what cross-attentions read of the picture
  int64_t clip_skip = 1;          // how many of the text encoder's last layers are left out
  double guidance_rescale = 0;
};

/// A DynamiCrafter checkpoint (arXiv 2310.12190), which is one file. Sizes are its tensors'; which of the
/// released models it is, its buffers say. What no tensor says is as in these, or as the config.yaml beside
/// the file has it. Throws `ErrorCode::WeightsFormat`.
BaseModel openDynamiCrafter(const std::shared_ptr<const TensorSource>& source);

/// Of such a base.
DynamiCrafterFacts dynamiCrafterFacts(const BaseModel& base);

/// What makes tokens of a picture, and what these cross-attentions read of them.
struct DynamiCrafterPicture {
  models::ImageProjectionConfig config;
  Layer layer;
};
DynamiCrafterPicture dynamiCrafterPictureOf(const BaseModel& base,
                                            const std::vector<models::CrossAttention>& attentions);

}  // namespace cameo::weights
