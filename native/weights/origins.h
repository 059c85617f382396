#pragma once

#include <map>
#include <optional>
#include <string>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// A model, by the name of its file or folder and by its weights.
struct Origin {
  std::string name;
  std::string fingerprint;  // "" where it had no weights yet
};

/// The models that one was trained on; none where there was no such model, or nothing is known of it.
struct Origins {
  std::optional<Origin> base;
  std::optional<Origin> motion;
  std::optional<Origin> subject;
};

/// 16 hex digits that tell models of the same layout apart, from a few numbers of each tensor. The same model
/// has the same ones in fp32 and in fp16.
std::string fingerprint(const TensorSource& source);

/// Of the model at `path`, whose weights are `source`; null: it has none.
Origin originOf(const std::string& path, const TensorSource* source);

/// What a file's metadata say; what is malformed in them is as if it was not there.
Origins readOrigins(const TensorSource& source);

/// The metadata that `readOrigins` reads.
std::map<std::string, std::string> writeOrigins(const Origins& origins);

}  // namespace cameo::weights
