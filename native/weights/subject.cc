#include "weights/subject.h"

#include "core/error.h"

namespace cameo::weights {

namespace {

constexpr const char* kField = "reference_cross_attention";

}  // namespace

std::optional<bool> referenceCrossAttention(const TensorSource& source) {
  const auto found = source.metadata.find(kField);
  if (found == source.metadata.end()) return {};
  if (found->second == "true") return true;
  if (found->second == "false") return false;
  throw Error(ErrorCode::WeightsFormat,
              source.path + ": its metadata's " + kField + " is neither true nor false");
}

std::map<std::string, std::string> subjectMetadata(bool reference_cross_attention) {
  return {{"format", "pt"}, {kField, reference_cross_attention ? "true" : "false"}};
}

}  // namespace cameo::weights
