#pragma once

#include <vector>

#include "families/t5_text.h"

namespace cameo::train {

/// What T5 says of captions, given as a sample's token ids with their padding: (n, L, D), without gradients.
/// Throws `ErrorCode::InvalidOption` for ids that are none of the model's.
at::Tensor captionStates(const families::T5Text& text,
                         const std::vector<const std::vector<int32_t>*>& captions);

}  // namespace cameo::train
