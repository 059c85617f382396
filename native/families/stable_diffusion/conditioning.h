#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "families/stable_diffusion/stable_diffusion.h"

namespace cameo::families {

/// Throws `ErrorCode::InvalidOption`, naming `name`, for ids that the text encoder can't take: as many as it
/// has positions.
void checkIds(const StableDiffusion& model, const char* name, const std::vector<int32_t>& ids);

/// As `checkIds`, for both of a request's prompts and the words of its subjects.
void checkPrompts(const StableDiffusion& model, const pipeline::SampleRequest& request);

/// The text encoder's states for a batch of token ids, (N, S, D), in the pipeline's dtype on its device.
at::Tensor encodeText(const StableDiffusion& model, const std::vector<const std::vector<int32_t>*>& ids);

/// The states of the negative prompt and of the prompt, (2, S, D), recorded with their ids. S is the number
/// of positions of all chunks. Where prompts change over time (2, F, S, D): between the frames at which they
/// hold a straight line leads from one's states to the next one's, and the last one holds to the end.
at::Tensor encodePrompts(const StableDiffusion& model, const pipeline::SampleRequest& request,
                         pipeline::Recorder& recorder);

/// As the prompt, the words of those subjects that have some: (1, S, D) each, recorded.
std::vector<at::Tensor> encodeWords(const StableDiffusion& model, const pipeline::SampleRequest& request,
                                    pipeline::Recorder& recorder);

/// The request's references, fp32 on the model's device, recorded.
struct ReferenceLatents {
  at::Tensor latents;       // (1, R, C, h, w), scaled
  at::Tensor log_variance;  // of the posterior before scaling, (1, R, C, h, w)
};
ReferenceLatents encodeReferences(const StableDiffusion& model, const pipeline::SampleRequest& request,
                                  const std::function<void()>& onEach, pipeline::Recorder& recorder);

}  // namespace cameo::families
