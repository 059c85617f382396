#pragma once

#include <memory>
#include <string>
#include <vector>

#include "families/wan/wan.h"
#include "models/clip_vision.h"
#include "models/dit/wan_image.h"

namespace cameo::families {

/// Wan's picture to film: the film's first picture, or its first and its last, stand beside its latents, and
/// where the model has an image encoder, cross-attention reads them, too.
struct ImageToVideo : Wan {
  using Wan::Wan;

  void buildOwn(const weights::BaseModel& base, const weights::Component& transformer) override;
  std::vector<weights::Layer> transformerLayers(const weights::Component& transformer) const override;
  void loadOwn(NetworkLoader& loader) override;
  /// Latents, which of their frames are pictures that are given, and these pictures' latents.
  int64_t inputChannels() const override {
    return 2 * vae->config().latent_channels + vae_codec->timeStride();
  }
  void describeOwn() override;

  std::vector<pipeline::Network> networks() const override;
  void check(const pipeline::SampleRequest& request) const override;
  pipeline::FilmUse useOfFilm(const pipeline::SampleRequest&) const override {
    return {.image_in_every_frame = true};
  }
  bool takesAnySize(const std::string& option) const override {
    return option == "image" || option == "lastImage";
  }
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;

  /// Whether it needs a last picture: its tokens of pictures are of two.
  bool takesPair() const { return transformer->config().image_tokens_pair.has_value(); }

  std::unique_ptr<models::ClipVision> image_encoder;  // null without
  std::unique_ptr<models::WanImage> image_tokens;     // null without an image encoder

 private:
  std::vector<weights::Layer> encoder_layers_, token_layers_;  // until they are loaded
};

}  // namespace cameo::families
