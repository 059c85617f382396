#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "nn/image_prompt.h"

namespace cameo::nn {

/// Texts that some positions read in place of the request's: the words of subjects.
struct SubjectWords {
  std::vector<at::Tensor> texts;  // of each subject with words, (1, S, context_dim)
  int64_t first_row = 0;          // of the batch; rows before it have the negative prompt and no words
};

/// What the cross-attentions of a network read.
struct CrossSources {
  at::Tensor text;  // (B, S, context_dim), or (B, F+R, S, context_dim) where each image has its own
  const ImagePrompts* images = nullptr;
  const SubjectWords* words = nullptr;  // where they are read is in the regions of a `FrameLayout`
};

/// Words as one cross-attention of B samples reads them.
struct WordsOfLayer {
  const SubjectWords& words;
  std::vector<at::Tensor> shares;  // as in `LayerRegions::words`, of the images that read
};

}  // namespace cameo::nn
