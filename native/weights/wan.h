#pragma once

#include <optional>
#include <string>

#include "weights/base_model.h"

namespace cameo::weights {

/// Whether a folder has a Wan model as its authors publish it: a config.json of theirs, or their VAE's file,
/// beside a transformer's.
bool isReleasedWan(const std::string& folder);

/// That model. Throws as `openBaseModel`, and `ErrorCode::WeightsMismatch` for files of another kind.
BaseModel openReleasedWan(const std::string& folder);

/// A transformer's weights in a file, or in the shards that an index names, with the released code's names or
/// diffusers': of a network that is laid over a base's. Throws as `openWeights`, and
/// `ErrorCode::WeightsMismatch` for a file of another kind, which is said instead of `what`.
Layer wanTransformerLayer(const std::string& file, const char* what);

/// How the released code samples, as a scheduler config.
nlohmann::json releasedWanScheduler();

/// The weight files of such a folder; empty where there is none, or, of the transformer, not one alone.
struct ReleasedWanFiles {
  std::string transformer, vae, text_encoder, image_encoder;
};
ReleasedWanFiles releasedWanFiles(const std::string& folder);

/// The file with diffusers' names, of those that the released code's text encoder has.
std::shared_ptr<const TensorSource> wanTextSource(const std::shared_ptr<const TensorSource>& source);

}  // namespace cameo::weights
