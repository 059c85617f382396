#include "families/clip_prompts.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace cameo::families {

namespace {

/// States (chunks, positions, D), each times its token's weight, and each chunk brought back to the mean that
/// it had.
at::Tensor emphasized(const at::Tensor& states, const std::vector<float>& weights) {
  if (weights.empty()) return states;
  const at::Tensor plain = states.to(at::kFloat);
  const at::Tensor factors = at::tensor(weights).to(plain.device()).view({plain.size(0), plain.size(1), 1});
  const at::Tensor weighted = plain * factors;
  const auto meanOf = [](const at::Tensor& chunks) { return chunks.mean({1, 2}, /*keepdim=*/true); };
  const at::Tensor mean = meanOf(weighted);
  const at::Tensor scale = at::where(mean == 0, at::ones_like(mean), meanOf(plain) / mean);
  return (weighted * scale).to(states.scalar_type());
}

}  // namespace

void checkLearned(const models::ClipText& encoder, const std::string& name, const std::vector<int32_t>& ids) {
  const int64_t tokens = encoder.tokens();
  for (const int32_t id : ids) {
    if (id < 0 || id >= tokens) {
      throw Error(
          ErrorCode::InvalidOption,
          c10::str(name, ": token ", id, " is not one of the ", tokens,
                   " that the text encoder has learned; the tokenizer belongs to another text encoder"));
    }
  }
}

void checkPrompt(const models::ClipText& encoder, const std::string& name,
                 const pipeline::PromptTokens& prompt) {
  const int64_t positions = encoder.config().positions;
  if (prompt.ids.empty() || static_cast<int64_t>(prompt.ids.size()) % positions != 0) {
    throw Error(
        ErrorCode::InvalidOption,
        c10::str(name, ": ", prompt.ids.size(), " token ids; the text encoder takes chunks of ", positions));
  }
  const bool all_finite = std::all_of(prompt.weights.begin(), prompt.weights.end(),
                                      [](float weight) { return std::isfinite(weight); });
  const bool fits = prompt.weights.empty() || prompt.weights.size() == prompt.ids.size();
  if (!fits || !all_finite) {
    throw Error(ErrorCode::InvalidOption,
                c10::str(name, ": its weights must be as many numbers as its token ids"));
  }
  checkLearned(encoder, name, prompt.ids);
}

at::Tensor chunksOf(const models::ClipText& encoder, const pipeline::PromptTokens& prompt) {
  return at::tensor(prompt.ids, at::kLong).view({-1, encoder.config().positions});
}

at::Tensor joinedChunks(const at::Tensor& states, const pipeline::PromptTokens& tokens, int64_t prompts) {
  return emphasized(states, tokens.weights).unflatten(0, {prompts, -1}).flatten(1, 2);
}

}  // namespace cameo::families
