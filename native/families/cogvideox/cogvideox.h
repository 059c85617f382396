#pragma once

#include <memory>
#include <string>
#include <vector>

#include "families/causal_vae_codec.h"
#include "families/t5_text.h"
#include "models/causal_vae/causal_vae.h"
#include "models/dit/cogvideox.h"
#include "pipeline/pipeline.h"
#include "weights/base_model.h"

namespace cameo::families {

/// CogVideoX (arXiv 2408.06072): a film of a text, or of a text and its first picture. Its branches: the
/// negative prompt, the prompt.
struct CogVideoX : pipeline::Pipeline {
  using Pipeline::Pipeline;

  std::vector<pipeline::Network> networks() const override;
  const pipeline::LatentCodec& codec() const override { return *vae_codec; }
  void check(const pipeline::SampleRequest& request) const override;
  std::vector<pipeline::GuidanceScale> guidanceScales(const pipeline::SampleRequest& request) const override;
  pipeline::FilmUse useOfFilm(const pipeline::SampleRequest&) const override {
    return {.image_in_every_frame = true, .samples_image = takesImage()};
  }
  bool liesFrameByFrame() const override { return true; }
  int64_t leadingLatents(const pipeline::SampleRequest& request) const override;
  int64_t largestTensor(const pipeline::SampleRequest& request) const override;
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;

  /// Whether it makes a film of its first picture, whose latents it sees beside the noisy ones.
  bool takesImage() const { return transformer->config().in_channels > vae->config().latent_channels; }
  /// What a picture's latents are multiplied by for the transformer: 1.5 was trained with latents that were
  /// divided by the factor with which others are multiplied.
  double imageLatentFactor() const;
  /// What the network is told that is told an offset, as diffusers has it.
  static constexpr double kOffset = 2;
  /// How many latents in a row the transformer has for a request, the leading ones among them.
  int64_t latentsOf(const pipeline::SampleRequest& request) const;

  std::unique_ptr<T5Text> text;
  std::unique_ptr<models::CausalVae> vae;
  std::unique_ptr<models::CogVideoX> transformer;
  std::unique_ptr<CausalVaeCodec> vae_codec;  // the VAE's
};

/// Whether a base model is one.
bool isCogVideoX(const weights::BaseModel& base);

/// Throws as `loadPipeline`; options that it has no use for are refused by name.
std::unique_ptr<pipeline::Pipeline> loadCogVideoX(const weights::BaseModel& base,
                                                  const pipeline::LoadOptions& options,
                                                  const pipeline::OnProgress& onProgress,
                                                  const Cancellation& cancellation);

}  // namespace cameo::families
