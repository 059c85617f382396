#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "models/clip_text.h"
#include "pipeline/request.h"

namespace cameo::families {

/// Throws `ErrorCode::InvalidOption`, naming `name`, for token ids that the text encoder hasn't learned.
void checkLearned(const models::ClipText& encoder, const std::string& name, const std::vector<int32_t>& ids);

/// The same, and for ids that are no whole chunks, or weights that aren't theirs.
void checkPrompt(const models::ClipText& encoder, const std::string& name,
                 const pipeline::PromptTokens& prompt);

/// (chunks, positions), int64, on the host.
at::Tensor chunksOf(const models::ClipText& encoder, const pipeline::PromptTokens& prompt);

/// States of chunks (prompts * chunks, positions, D), each times its token's weight, one chunk after another:
/// (prompts, chunks * positions, D).
at::Tensor joinedChunks(const at::Tensor& states, const pipeline::PromptTokens& tokens, int64_t prompts);

}  // namespace cameo::families
