#include "families/stable_diffusion/learned_words.h"

#include <ATen/ATen.h>

#include <filesystem>

#include "core/paths.h"
#include "weights/open_weights.h"
#include "weights/text.h"

namespace cameo::families {

namespace {

/// What diffusers calls it.
std::string fileIn(const std::string& folder) {
  for (const char* name : {"learned_embeds.safetensors", "learned_embeds.bin"}) {
    if (isFile(std::filesystem::path(folder) / name)) return folder + "/" + name;
  }
  weights::failFormat(folder,
                      "there is no learned_embeds.safetensors or learned_embeds.bin in it; name the file");
}

}  // namespace

std::vector<LearnedWord> openWords(const std::vector<pipeline::EmbeddingFile>& files,
                                   const models::ClipText& encoder) {
  std::vector<LearnedWord> words;
  for (const auto& [given, token] : files) {
    const std::string path = isFolder(given) ? fileIn(given) : given;
    const auto source = weights::openWeights(path);
    auto embedding =
        weights::readEmbedding(*source, encoder.config().hidden_size, encoder.config().positions - 2);
    if (!token.empty()) embedding.token = token;
    words.push_back({embedding, path});
  }
  return words;
}

nlohmann::json addWords(const std::vector<LearnedWord>& words, models::ClipText& encoder,
                        c10::ScalarType dtype) {
  nlohmann::json described = nlohmann::json::array();
  std::vector<at::Tensor> vectors;
  for (const auto& [embedding, file] : words) {
    vectors.push_back(embedding.vectors.view().to(dtype));
    if (!vectors.back().isfinite().all().item<bool>()) {
      weights::failFormat(file, "it has numbers that are not finite, or too large for this dtype");
    }
    described.push_back({{"token", embedding.token}, {"vectors", embedding.count()}, {"file", file}});
  }
  if (!vectors.empty()) encoder.addTokens(at::cat(vectors));
  return described;
}

}  // namespace cameo::families
