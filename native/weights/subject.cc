#include "weights/subject.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace cameo::weights {

namespace {

constexpr const char* kReferenceCrossAttention = "reference_cross_attention";
constexpr const char* kNoiseCorrelation = "noise_correlation";

/// The field's text; none where the metadata don't have it.
std::optional<std::string> fieldOf(const TensorSource& source, const char* field) {
  const auto found = source.metadata.find(field);
  if (found == source.metadata.end()) return {};
  return found->second;
}

[[noreturn]] void refuse(const TensorSource& source, const char* field, const char* allowed) {
  throw Error(ErrorCode::WeightsFormat, source.path + ": its metadata's " + field + " is not " + allowed);
}

}  // namespace

SubjectMetadata readSubjectMetadata(const TensorSource& source) {
  SubjectMetadata metadata;
  if (const auto text = fieldOf(source, kReferenceCrossAttention)) {
    if (*text != "true" && *text != "false") refuse(source, kReferenceCrossAttention, "true or false");
    metadata.reference_cross_attention = *text == "true";
  }
  if (const auto text = fieldOf(source, kNoiseCorrelation)) {
    double value = -1;
    const char* end = text->data() + text->size();
    const auto [parsed_to, error] = std::from_chars(text->data(), end, value);
    const bool is_number = error == std::errc() && parsed_to == end;
    if (!is_number || !(value >= 0 && value < 1)) {
      refuse(source, kNoiseCorrelation, "a number from 0 to less than 1");
    }
    metadata.noise_correlation = value;
  }
  return metadata;
}

std::map<std::string, std::string> writeSubjectMetadata(const SubjectMetadata& metadata) {
  std::map<std::string, std::string> fields = {{"format", "pt"}};
  const auto add = [&](const char* field, const auto& value) {
    if (value) fields[field] = nlohmann::json(*value).dump();
  };
  add(kReferenceCrossAttention, metadata.reference_cross_attention);
  add(kNoiseCorrelation, metadata.noise_correlation);
  return fields;
}

}  // namespace cameo::weights
