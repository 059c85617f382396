#pragma once

#include <map>
#include <optional>
#include <string>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// Whether the references of a subject model attend to the text (VideoMaker, arXiv 2412.19645, table 3), as
/// its file's metadata say; none where they don't say. Throws `ErrorCode::WeightsFormat`.
std::optional<bool> referenceCrossAttention(const TensorSource& source);

/// The metadata of a subject's file.
std::map<std::string, std::string> subjectMetadata(bool reference_cross_attention);

}  // namespace cameo::weights
