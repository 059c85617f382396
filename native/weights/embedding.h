#pragma once

#include <optional>
#include <string>
#include <vector>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// A word that was learned by textual inversion (arXiv 2208.01618): what stands for it in a prompt, and its
/// vectors, which take the place of a text encoder's token embeddings.
struct Embedding {
  std::string token;    // as its file calls it, else the file's name without its ending
  TensorEntry vectors;  // (n, C)

  int64_t count() const { return vectors.shape[0]; }
  int64_t width() const { return vectors.shape[1]; }
};

/// Of a file as diffusers or A1111's program write it; none where it is another one.
std::optional<Embedding> findEmbedding(const TensorSource& source);

/// Whether these are the tensors of a word of SDXL's, which has two text encoders.
bool isSdxlEmbedding(const std::vector<TensorEntry>& entries);

/// As `findEmbedding`, for a text encoder whose embeddings have `width` numbers and which reads up to `most`
/// tokens at a time. Throws `ErrorCode::WeightsMismatch` for what it can't read.
Embedding readEmbedding(const TensorSource& source, int64_t width, int64_t most);

}  // namespace cameo::weights
