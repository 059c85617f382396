#include <c10/core/DeviceGuard.h>
#include <c10/util/StringUtil.h>

#include "core/device.h"
#include "core/error.h"
#include "core/memory_pool.h"
#include "families/network_loader.h"
#include "families/stable_video_diffusion/stable_video_diffusion.h"
#include "families/whole_model.h"
#include "pipeline/loras.h"

namespace cameo::families {

namespace {

using nlohmann::json;
using pipeline::LoadOptions;

/// What diffusers' pipeline takes where nothing is said.
constexpr int64_t kVideoWidth = 1024, kVideoHeight = 576, kVideoSteps = 25, kVideoRate = 7;
constexpr double kVideoGuidance = 3;

void requireFittingVideo(const StableVideoDiffusion& model, const std::string& base) {
  const models::UNetConfig& unet = model.unet->config().unet;
  const auto mismatch = [&](const std::string& what) {
    throw Error(ErrorCode::WeightsMismatch, c10::str(base, ": its parts don't fit together: ", what));
  };
  const int64_t latent_channels = model.vae->config().latent_channels;
  if (unet.in_channels != 2 * latent_channels || unet.out_channels != latent_channels) {
    mismatch(c10::str("the UNet has ", unet.in_channels, " input and ", unet.out_channels,
                      " output channels, the VAE's latents ", latent_channels));
  }
  for (const int64_t dim : unet.cross_attention_dim) {
    if (dim == model.image_encoder->config().projection_dim) continue;
    mismatch(c10::str("the UNet reads ", dim, " numbers of a picture, the image encoder gives ",
                      model.image_encoder->config().projection_dim));
  }
}

void describeVideo(StableVideoDiffusion& model) {
  json& text = model.description;
  describeWholeModel(model, "svd", "euler", FilmOf::Picture);
  text["motionBucket"] = true;
  text["imageSize"] = "shape";
  text["latentScale"] = model.vae->config().scale();
  text["defaultSize"] = {kVideoWidth, kVideoHeight};
  text["defaults"] = {{"frames", model.unet->config().frames},
                      {"fps", kVideoRate},
                      {"steps", kVideoSteps},
                      {"guidanceScale", kVideoGuidance}};
}

}  // namespace

std::unique_ptr<pipeline::Pipeline> loadStableVideoDiffusion(const weights::BaseModel& base,
                                                             const LoadOptions& options,
                                                             const pipeline::OnProgress& onProgress,
                                                             const Cancellation& cancellation) {
  const MemoryPool::Scope pooled;
  refuseOtherNetworks(options, "a Stable Video Diffusion model", {"vae"});
  auto model = emptyModel<StableVideoDiffusion>(options);
  const c10::DeviceGuard on_its_device(model->device);
  const weights::Weights needed = neededWeights(options);
  const weights::Component unet = base.unet(needed), image_encoder = base.image_encoder(needed),
                           vae = options.vae.empty()
                                     ? base.vae(needed)
                                     : weights::openVae(options.vae, needed, weights::kTemporalVaeClass);
  model->image_encoder = build<models::ClipVision>(
      models::ClipVisionConfig::read(Config(image_encoder.config, image_encoder.path)), image_encoder);
  model->vae = build<models::Vae>(models::VaeConfig::read(Config(vae.config, vae.path)), vae);
  model->unet = build<models::VideoUNet>(models::VideoUNetConfig::read(Config(unet.config, unet.path)), unet);
  model->vae_codec =
      std::make_unique<VaeCodec>(*model->vae, model->device, model->vae->config().dtypeFor(model->dtype));
  takeScheduler(*model, base);
  requireFittingVideo(*model, options.base);

  const weights::LoraPlan loras = pipeline::planLoras(*model, options.lora);

  NetworkLoader loader(*model, options, onProgress, cancellation);
  for (const pipeline::Network& network : model->networks()) loader.expect(network.parameters);
  loader.load("image_encoder", model->image_encoder->parameters(), model->dtype, image_encoder);
  loader.load("vae", model->vae->parameters(), model->vae->config().dtypeFor(model->dtype), vae);
  loader.load("unet", model->unet->parameters(), model->dtype, unet);
  describeVideo(*model);
  if (!options.check_only) pipeline::setLoras(*model, loras, cancellation);
  return model;
}

}  // namespace cameo::families
