#include "families/stable_diffusion/inpainting.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/rng.h"
#include "families/stable_diffusion/conditioning.h"
#include "families/stable_diffusion/unet_denoiser.h"
#include "pipeline/pixels.h"

namespace cameo::families {

namespace {

/// (1, 1, H, W): 1 where the mask is at least half white, by ITU-R BT.601's luma in whole numbers, as Pillow
/// computes it.
at::Tensor readMask(const pipeline::RgbImage& mask) {
  const at::Tensor bytes =
      at::from_blob(const_cast<uint8_t*>(mask.data.data()), {mask.height, mask.width, 3}, at::kByte)
          .to(at::kLong);
  const at::Tensor luma =
      (bytes.select(2, 0) * 19595 + bytes.select(2, 1) * 38470 + bytes.select(2, 2) * 7471 + 0x8000)
          .bitwise_right_shift(16);
  return luma.ge(128).to(at::kFloat).view({1, 1, mask.height, mask.width});
}

/// What the pipeline of PyTorch draws for the picture: after the latents' first noise, of the same generator.
at::Tensor drawForPicture(const pipeline::LatentCodec& codec, const pipeline::SampleRequest& request) {
  const at::Generator generator = makeGenerator(request.seed, RandomStream::InitialNoise);
  const int64_t height = request.height / codec.stride(), width = request.width / codec.stride();
  drawNormal({1, codec.channels(), codec.latentFrames(request.frames), height, width}, generator);
  return drawNormal({1, codec.channels(), height, width}, generator);
}

}  // namespace

void Inpainting::check(const pipeline::SampleRequest& request) const {
  checkCommon(request);
  for (const std::string name : {"image", "mask"}) {
    if (!request.picturesOf(name).empty()) continue;
    throw Error(ErrorCode::InvalidOption,
                name + " is missing: this model paints the white part of a mask anew");
  }
}

std::unique_ptr<pipeline::Denoiser> Inpainting::denoiser(const pipeline::SampleRequest& request,
                                                         const samplers::NoiseSchedule& schedule,
                                                         const pipeline::OnProgress& onProgress,
                                                         pipeline::Recorder& recorder) const {
  const at::Tensor both = encodePrompts(*this, request, recorder);
  onProgress({pipeline::Phase::Encode, 1, 2, {}});
  const at::Tensor mask = readMask(request.picturesOf("mask").front());
  at::Tensor picture;  // (1, 1, C, h, w)
  {
    const pipeline::DeviceVisit visit(vae->parameters(), device);
    const pipeline::RgbImage& image = request.picturesOf("image").front();
    const at::Tensor pixels = pipeline::imageToTensor(image.data.data(), image.width, image.height);
    const at::Tensor kept = pixels * (1 - mask).to(pixels.device());
    picture = codec().encode(kept, request.vae_tiling, drawForPicture(codec(), request)).latents.unsqueeze(1);
  }
  onProgress({pipeline::Phase::Encode, 2, 2, {}});
  recorder.addVideo("image_latents", picture);
  const at::Tensor small = at::upsample_nearest2d(mask, {picture.size(3), picture.size(4)}).unsqueeze(1);
  const bool guided = !conditionScales(request).empty();
  const at::Tensor text = guided ? both : both.slice(0, 1);
  const at::Tensor shown = at::cat({small.to(picture.options()), picture}, 2);
  Conditions conditions{
      .text = text, .shown = shown.expand({text.size(0), -1, -1, -1, -1}), .unconditional = guided ? 1 : 0};
  return denoiserOf(request, std::move(conditions), schedule, recorder);
}

}  // namespace cameo::families
