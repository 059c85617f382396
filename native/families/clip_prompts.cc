#include "families/clip_prompts.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "pipeline/device_visit.h"
#include "pipeline/encodings.h"

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

void requireOneText(const pipeline::SampleRequest& request) {
  if (request.prompt_frames.size() == 1) return;
  throw Error(ErrorCode::InvalidOption,
              "prompt: this model takes one text for all frames; leave the others out");
}

void checkClipSkip(const models::ClipText& encoder, const pipeline::SampleRequest& request) {
  const int64_t layers = encoder.config().layers;
  if (request.clip_skip >= 0 && request.clip_skip < layers) return;
  throw Error(ErrorCode::InvalidOption,
              c10::str("clipSkip: ", request.clip_skip, " is not allowed; the text encoder has ", layers,
                       " layers, of which one must be left"));
}

at::Tensor encodeTexts(const pipeline::Pipeline& model, models::ClipText& encoder,
                       const pipeline::SampleRequest& request, const PromptIds& idsOf,
                       pipeline::Recorder& recorder) {
  const auto key = pipeline::EncodingKey().add(request.negative).add(request.prompt).add(request.clip_skip);
  const auto encoded = pipeline::encodedOnce(request, "prompts", key, [&]() -> std::vector<at::Tensor> {
    const pipeline::DeviceVisit visit(encoder.parameters(), model.device);
    const auto states = [&](const pipeline::PromptTokens& prompt) {
      const at::Tensor plain = encoder.forward(idsOf(prompt).to(model.device), request.clip_skip);
      return joinedChunks(plain.to(model.dtype), prompt, 1);
    };
    return {states(request.negative), states(request.prompt)};
  });
  recorder.add("prompt_ids", idsOf(request.prompt).view({1, -1}));
  recorder.add("negative_ids", idsOf(request.negative).view({1, -1}));
  recorder.add("negative_embeds", encoded[0].to(at::kFloat));
  recorder.add("prompt_embeds", encoded[1].to(at::kFloat));
  return at::cat({encoded[0], encoded[1]});
}

}  // namespace cameo::families
