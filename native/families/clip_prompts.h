#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "models/clip_text.h"
#include "pipeline/pipeline.h"

namespace cameo::families {

/// Throws `ErrorCode::InvalidOption`, naming `name`, for token ids that the text encoder hasn't learned.
void checkLearned(const models::ClipText& encoder, const std::string& name, const std::vector<int32_t>& ids);

/// The same, and for ids that are no whole chunks, or weights that aren't theirs.
void checkPrompt(const models::ClipText& encoder, const std::string& name,
                 const pipeline::PromptTokens& prompt);

/// Throws `ErrorCode::InvalidOption` where `clipSkip` leaves no layer.
void checkClipSkip(const models::ClipText& encoder, const pipeline::SampleRequest& request);

/// (chunks, positions), int64, on the host.
at::Tensor chunksOf(const models::ClipText& encoder, const pipeline::PromptTokens& prompt);

/// States of chunks (prompts * chunks, positions, D), each times its token's weight, one chunk after another:
/// (prompts, chunks * positions, D).
at::Tensor joinedChunks(const at::Tensor& states, const pipeline::PromptTokens& tokens, int64_t prompts);

// Of models that read one text for all frames.

/// Throws `ErrorCode::InvalidOption` for prompts over time.
void requireOneText(const pipeline::SampleRequest& request);

/// The ids of a prompt, (chunks, positions), int64, on the host.
using PromptIds = std::function<at::Tensor(const pipeline::PromptTokens& prompt)>;

/// The states of the negative prompt and of the prompt, (2, S, D), in the model's dtype, by its encoder.
/// Recorded as `negative_embeds` and `prompt_embeds`, with the ids.
at::Tensor encodeTexts(const pipeline::Pipeline& model, models::ClipText& encoder,
                       const pipeline::SampleRequest& request, const PromptIds& idsOf,
                       pipeline::Recorder& recorder);

}  // namespace cameo::families
