#pragma once

#include <memory>
#include <string>
#include <vector>

#include "families/t5_text.h"
#include "families/vae_codec.h"
#include "models/dit/latte_transformer.h"
#include "pipeline/pipeline.h"
#include "weights/base_model.h"

namespace cameo::families {

/// Latte-1 (arXiv 2401.03048): films of a prompt, by a transformer over space and time in turn. Its branches:
/// the negative prompt, the prompt.
struct Latte : pipeline::Pipeline {
  using Pipeline::Pipeline;

  std::vector<pipeline::Network> networks() const override;
  const pipeline::LatentCodec& codec() const override { return *vae_codec; }
  void check(const pipeline::SampleRequest& request) const override;
  std::vector<pipeline::GuidanceScale> guidanceScales(const pipeline::SampleRequest& request) const override;
  bool takesLoras() const override { return false; }
  int64_t largestTensor(const pipeline::SampleRequest& request) const override;
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;

  std::unique_ptr<models::LatteTransformer> transformer;
  std::unique_ptr<models::Vae> vae;
  std::unique_ptr<VaeCodec> vae_codec;  // the VAE's
  std::unique_ptr<T5Text> text;         // null until all others are there
};

/// Throws as `loadPipeline`; options that it has no use for are refused by name.
std::unique_ptr<pipeline::Pipeline> loadLatte(const weights::BaseModel& base,
                                              const pipeline::LoadOptions& options,
                                              const pipeline::OnProgress& onProgress,
                                              const Cancellation& cancellation);

}  // namespace cameo::families
