#pragma once

#include <vector>

#include "families/t5_text.h"
#include "train/samples.h"

namespace cameo::train {

/// What T5 says of captions, given with their padding: (n, L, D), without gradients. States that were kept
/// are read, others are written to where they are to be kept. Throws `ErrorCode::InvalidOption` for ids that
/// are none of the model's, and `ErrorCode::Checkpoint` where states can't be written.
at::Tensor captionStates(const families::T5Text& text, const std::vector<const Caption*>& captions);

}  // namespace cameo::train
