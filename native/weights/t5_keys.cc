#include "weights/t5_keys.h"

#include <algorithm>
#include <string>

#include "core/error.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kT5Tokens = "shared.weight", kT5EncoderTokens = "encoder.embed_tokens.weight",
                           kT5Block = "encoder.block.", kT5LastNorm = "encoder.final_layer_norm.weight";

}  // namespace

KeyMap t5Keys(const TensorSource& source) {
  const bool has_shared = std::any_of(source.entries.begin(), source.entries.end(),
                                      [](const TensorEntry& entry) { return entry.name == kT5Tokens; });
  return [has_shared](std::string_view key) -> std::optional<std::string> {
    if (key == kT5EncoderTokens) return has_shared ? std::nullopt : std::optional<std::string>(kT5Tokens);
    if (key.starts_with("decoder.") || key == "lm_head.weight") return std::nullopt;
    return std::string(key);
  };
}

KeyMap t5BlockKeys(int64_t index) {
  return [prefix = std::string(kT5Block) + std::to_string(index) +
                   "."](std::string_view key) -> std::optional<std::string> {
    return key.starts_with(prefix) ? std::optional<std::string>(key) : std::nullopt;
  };
}

std::optional<std::string> t5LastNormKey(std::string_view key) {
  return key == kT5LastNorm ? std::optional<std::string>(key) : std::nullopt;
}

const TensorEntry& t5Embeddings(const TensorSource& source) {
  const KeyMap map = t5Keys(source);
  for (const TensorEntry& entry : source.entries) {
    if (map(entry.name) == kT5Tokens) return entry;
  }
  throw Error(ErrorCode::WeightsMismatch, source.path + ": it lacks the tokens' embeddings");
}

}  // namespace cameo::weights
