#pragma once

#include <map>
#include <optional>
#include <string>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// How a subject model is to be used, as its file's metadata say; none where they don't say.
struct SubjectMetadata {
  /// Whether its references attend to the text (VideoMaker, arXiv 2412.19645, table 3).
  std::optional<bool> reference_cross_attention;
  /// Of the noise of consecutive frames (`samplers::correlateFrames`), from 0 to less than 1.
  std::optional<double> noise_correlation;
};

/// Throws `ErrorCode::WeightsFormat`.
SubjectMetadata readSubjectMetadata(const TensorSource& source);

/// The metadata of a subject's file.
std::map<std::string, std::string> writeSubjectMetadata(const SubjectMetadata& metadata);

}  // namespace cameo::weights
