#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/clip_text.h"
#include "pipeline/request.h"
#include "weights/embedding.h"

namespace cameo::families {

/// A word that was learned by textual inversion, as prompts call it.
struct LearnedWord {
  weights::Embedding embedding;
  std::string file;
};

/// Opens the files of words that `encoder` is to read. Throws `ErrorCode::WeightsMismatch` for those that it
/// can't.
std::vector<LearnedWord> openWords(const std::vector<pipeline::EmbeddingFile>& files,
                                   const models::ClipText& encoder);

/// Gives `encoder`, which is loaded and computes in `dtype`, the words' vectors as tokens, one word after
/// another; `EmbeddingDescription` of ts/description.ts for each. Throws `ErrorCode::WeightsFormat` for
/// numbers that aren't finite.
nlohmann::json addWords(const std::vector<LearnedWord>& words, models::ClipText& encoder,
                        c10::ScalarType dtype);

}  // namespace cameo::families
