#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "families/causal_vae_codec.h"
#include "families/network_loader.h"
#include "families/t5_text.h"
#include "models/dit/wan_transformer.h"
#include "models/wan_vae/wan_vae.h"
#include "pipeline/pipeline.h"
#include "weights/base_model.h"

namespace cameo::families {

/// Wan 2.1 (arXiv 2503.20314): films of a prompt. Its branches: the negative prompt, the prompt.
struct Wan : pipeline::Pipeline {
  using Pipeline::Pipeline;

  std::vector<pipeline::Network> networks() const override;
  const pipeline::LatentCodec& codec() const override { return *vae_codec; }
  void check(const pipeline::SampleRequest& request) const override;
  std::vector<pipeline::GuidanceScale> guidanceScales(const pipeline::SampleRequest& request) const override;
  int64_t largestTensor(const pipeline::SampleRequest& request) const override;
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;

  // Of models that have more than Wan.

  /// Builds what is in `transformer`'s files beside Wan's transformer, or in other parts of the base.
  virtual void buildOwn(const weights::BaseModel&, const weights::Component& /*transformer*/) {}
  /// The layers of those files that are Wan's transformer.
  virtual std::vector<weights::Layer> transformerLayers(const weights::Component& transformer) const {
    return transformer.layers;
  }
  virtual void loadOwn(NetworkLoader&) {}
  /// How many channels the transformer takes.
  virtual int64_t inputChannels() const { return vae->config().latent_channels; }
  /// Says what `describe()` has beside what is said of all of them.
  virtual void describeOwn();

  /// How many latents in a row the transformer sees of a request, or of each of its windows.
  int64_t latentsOf(const pipeline::SampleRequest& request) const;
  /// That a request's film has places for all its tokens.
  void checkPlaces(const pipeline::SampleRequest& request) const;
  /// What the layers read of texts' states (T, S, D), and of pictures' tokens (T, S', dim) where they do
  /// that. The transformer is on its device meanwhile.
  models::WanReads readTexts(const at::Tensor& states, const at::Tensor& image = {}) const;

  std::unique_ptr<models::WanTransformer> transformer;
  std::unique_ptr<models::WanVae> vae;
  std::unique_ptr<CausalVaeCodec> vae_codec;  // the VAE's
  std::unique_ptr<T5Text> text;               // null until all others are there
};

/// The layers of a transformer's files, of which those tensors are taken whose names are.
std::vector<weights::Layer> layersWhere(const weights::Component& transformer,
                                        bool (*is_taken)(std::string_view name));

/// Throws as `loadPipeline`; options that it has no use for are refused by name.
std::unique_ptr<pipeline::Pipeline> loadWan(const weights::BaseModel& base,
                                            const pipeline::LoadOptions& options,
                                            const pipeline::OnProgress& onProgress,
                                            const Cancellation& cancellation);

}  // namespace cameo::families
