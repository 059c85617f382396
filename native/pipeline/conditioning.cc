#include "pipeline/conditioning.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/rng.h"

namespace cameo::pipeline {

void checkIds(const Pipeline& pipeline, const char* name, const std::vector<int32_t>& ids) {
  const auto& config = pipeline.text_encoder->config();
  if (static_cast<int64_t>(ids.size()) != config.positions) {
    throw Error(ErrorCode::InvalidOption,
                c10::str(name, ": ", ids.size(), " token ids; the text encoder takes ", config.positions));
  }
  for (const int32_t id : ids) {
    if (id < 0 || id >= config.vocab_size) {
      throw Error(
          ErrorCode::InvalidOption,
          c10::str(name, ": token ", id, " is not one of the ", config.vocab_size,
                   " that the text encoder has learned; the tokenizer belongs to another text encoder"));
    }
  }
}

at::Tensor encodeText(const Pipeline& pipeline, const std::vector<const std::vector<int32_t>*>& ids) {
  std::vector<at::Tensor> rows;
  for (const auto* row : ids) rows.push_back(at::tensor(*row, at::kLong));
  // An encoder that is being trained computes in its masters' fp32.
  return pipeline.text_encoder->forward(at::stack(rows).to(pipeline.device)).to(pipeline.dtype);
}

at::Tensor imageToTensor(const uint8_t* rgb, int64_t width, int64_t height) {
  const at::Tensor bytes = at::from_blob(const_cast<uint8_t*>(rgb), {height, width, 3}, at::kByte);
  return bytes.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat).div_(127.5).sub_(1);
}

void requireFinite(const Pipeline& pipeline, const at::Tensor& is_finite) {
  if (is_finite.item<bool>()) return;
  const char* small_type = pipeline.dtype == at::kHalf ? "load it with dtype bf16 or fp32, or " : "";
  throw Error(ErrorCode::WeightsFormat, c10::str("the model's result is not finite: ", small_type,
                                                 "get its weights again, one of the files is broken"));
}

at::Tensor toRgb(const at::Tensor& image) {
  const at::Tensor scaled = image.to(at::kFloat).mul(0.5).add_(0.5).clamp_(0, 1).mul_(255).round_();
  return scaled.permute({1, 2, 0}).to(at::kByte).contiguous();
}

ReferenceLatents encodeReferences(const Pipeline& pipeline, const SampleRequest& request,
                                  const std::function<void()>& onEach) {
  const auto& config = pipeline.vae->config();
  const at::Generator generator = makeGenerator(request.seed, RandomStream::ReferencePosterior);
  std::vector<at::Tensor> latents, log_variances;
  for (const RgbImage& reference : request.references) {
    const at::Tensor image = imageToTensor(reference.data.data(), reference.width, reference.height)
                                 .to(pipeline.device, pipeline.vaeDtype());
    const models::Posterior posterior =
        request.vae_tiling ? pipeline.vae->encodeTiled(image) : pipeline.vae->encode(image);
    at::Tensor latent = posterior.mean.to(at::kFloat);
    log_variances.push_back(posterior.log_variance.to(at::kFloat));
    if (request.sample_reference_latents) {
      const at::Tensor noise = drawNormal(latent.sizes(), generator).to(pipeline.device);
      latent = latent + noise * at::exp(log_variances.back() * 0.5);
    }
    latents.push_back((latent - config.shift_factor) * config.scaling_factor);
    onEach();
  }
  return {at::stack(latents, 1), at::stack(log_variances, 1)};  // of (1, C, h, w) each
}

}  // namespace cameo::pipeline
