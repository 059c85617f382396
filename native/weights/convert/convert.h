#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "core/cancellation.h"

namespace cameo::weights {

struct Conversion {
  std::string input;   // a file or a folder
  std::string output;  // a file or a folder, by what the target is; nothing is there yet
  std::string target;  // "diffusers", "original"; of LoRAs "kohya", "peft"; "": the one that it isn't in
};

/// In tensors written.
using OnTensor = std::function<void(int64_t done, int64_t total)>;

/// Writes the same weights in another layout: checkpoints, VAEs and motion modules between diffusers' names
/// and folders and the original ones. Every tensor keeps its bytes, and a file its metadata. Returns what was
/// written: `kind`, `target`, `files`, and `notes` on what the target can't hold.
///
/// Throws `ErrorCode::InvalidOption` for a target that the input's kind doesn't have,
/// `ErrorCode::WeightsMismatch` for a model that the target can't describe, and as reading and writing do.
/// What was written before an error stays: give a new folder, and remove it.
nlohmann::json convert(const Conversion& conversion, const OnTensor& onTensor,
                       const Cancellation& cancellation);

}  // namespace cameo::weights
