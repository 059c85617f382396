#include "weights/embedding.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <filesystem>

#include "core/error.h"
#include "weights/identify.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kOfA1111Pickle = "string_to_param.", kOfA1111 = "emb_params";

std::string stemOf(const TensorSource& source) {
  return std::filesystem::path(source.path).stem().string();
}

std::string tokenOf(const TensorSource& source) {
  const std::string& key = source.entries.front().name;
  if (key == kOfA1111) return stemOf(source);
  if (!key.starts_with(kOfA1111Pickle)) return key.empty() ? stemOf(source) : key;
  const auto name = source.metadata.find("name");
  return name == source.metadata.end() || name->second.empty() ? stemOf(source) : name->second;
}

/// Which models have text encoders of this width.
std::string modelsOf(int64_t width) {
  if (width == 768) return ", as Stable Diffusion 1's have";
  if (width == 1024) return ", as Stable Diffusion 2's have";
  return width == 1280 ? ", as SDXL's second text encoder has" : "";
}

[[noreturn]] void refuseWord(const TensorSource& source, const std::string& why) {
  throw Error(ErrorCode::WeightsMismatch,
              c10::str(source.path, ": ", why, "; take one that was made for this model"));
}

}  // namespace

std::optional<Embedding> findEmbedding(const TensorSource& source) {
  if (source.entries.size() != 1) return {};
  TensorEntry vectors = source.entries.front();
  const bool is_layer = vectors.name.ends_with(".weight") || vectors.name.ends_with(".bias");
  if (vectors.shape.size() == 1) {
    vectors.shape.insert(vectors.shape.begin(), 1);
    vectors.strides.insert(vectors.strides.begin(), 0);
  }
  const bool is_matrix = vectors.shape.size() == 2 && vectors.numel() > 0;
  if (is_layer || !is_matrix || !c10::isFloatingType(vectors.dtype)) return {};
  return Embedding{tokenOf(source), vectors};
}

bool isSdxlEmbedding(const std::vector<TensorEntry>& entries) {
  return !entries.empty() && std::all_of(entries.begin(), entries.end(), [](const TensorEntry& entry) {
    return entry.name == "clip_l" || entry.name == "clip_g";
  });
}

Embedding readEmbedding(const TensorSource& source, int64_t width, int64_t most) {
  const auto embedding = findEmbedding(source);
  if (isSdxlEmbedding(source.entries)) {
    refuseWord(source, "this is no word for this text encoder, but " + identify(source).description);
  }
  if (!embedding) failOtherKind(source, "a word learned by textual inversion");
  if (embedding->width() != width) {
    refuseWord(source, c10::str("its vectors have ", embedding->width(), " numbers",
                                modelsOf(embedding->width()), ", and this text encoder's have ", width));
  }
  if (embedding->count() > most) {
    refuseWord(source, c10::str("it has ", embedding->count(), " vectors, and this text encoder reads ", most,
                                " at a time"));
  }
  return *embedding;
}

}  // namespace cameo::weights
