#include "train/captions.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

namespace cameo::train {

namespace {

/// Of all that read by T5: what follows a prompt is filled with it.
constexpr int32_t kPadding = 0;

}  // namespace

at::Tensor captionStates(const families::T5Text& text,
                         const std::vector<const std::vector<int32_t>*>& captions) {
  const c10::AutoGradMode no_gradients(false);
  std::vector<pipeline::PromptTokens> prompts;
  for (const std::vector<int32_t>* ids : captions) {
    auto count = static_cast<int64_t>(ids->size());
    while (count > 1 && (*ids)[count - 1] == kPadding) --count;
    prompts.push_back({.ids = *ids, .weights = {}, .count = count});
  }
  return text.statesOf(prompts);
}

}  // namespace cameo::train
