#include "families/stable_diffusion/conditioning.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/rng.h"
#include "pipeline/device_visit.h"
#include "pipeline/pixels.h"

namespace cameo::families {

void checkIds(const StableDiffusion& model, const char* name, const std::vector<int32_t>& ids) {
  const auto& config = model.text_encoder->config();
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

at::Tensor encodeText(const StableDiffusion& model, const std::vector<const std::vector<int32_t>*>& ids,
                      int64_t skipped) {
  std::vector<at::Tensor> rows;
  for (const auto* row : ids) rows.push_back(at::tensor(*row, at::kLong));
  // An encoder that is being trained computes in its masters' fp32.
  return model.text_encoder->forward(at::stack(rows).to(model.device), skipped).to(model.dtype);
}

at::Tensor encodePrompts(const StableDiffusion& model, const pipeline::SampleRequest& request,
                         pipeline::Recorder& recorder) {
  const pipeline::DeviceVisit visit(model.text_encoder->parameters(), model.device);
  // The negative prompt has all layers, as in diffusers.
  const at::Tensor both = request.clip_skip == 0
                              ? encodeText(model, {&request.negative_ids, &request.prompt_ids})
                              : at::cat({encodeText(model, {&request.negative_ids}),
                                         encodeText(model, {&request.prompt_ids}, request.clip_skip)});
  recorder.add("prompt_ids", at::tensor(request.prompt_ids, at::kLong).unsqueeze(0));
  recorder.add("prompt_embeds", both.slice(0, 1).to(at::kFloat));
  recorder.add("negative_embeds", both.slice(0, 0, 1).to(at::kFloat));
  return both;
}

ReferenceLatents encodeReferences(const StableDiffusion& model, const pipeline::SampleRequest& request,
                                  const std::function<void()>& onEach, pipeline::Recorder& recorder) {
  const pipeline::LatentCodec& codec = model.codec();
  const pipeline::DeviceVisit visit(codec.network().parameters, model.device);
  const at::Generator generator = makeGenerator(request.seed, RandomStream::ReferencePosterior);
  const int64_t height = request.height / codec.stride(), width = request.width / codec.stride();
  std::vector<at::Tensor> latents, log_variances;
  for (const pipeline::RgbImage& reference : request.references) {
    const at::Tensor image =
        pipeline::imageToTensor(reference.data.data(), reference.width, reference.height);
    const at::Tensor noise = request.sample_reference_latents
                                 ? drawNormal({1, codec.channels(), height, width}, generator)
                                 : at::Tensor();
    const pipeline::EncodedPicture encoded = codec.encode(image, request.vae_tiling, noise);
    latents.push_back(encoded.latents);
    log_variances.push_back(encoded.log_variance);
    onEach();
  }
  const ReferenceLatents result{at::stack(latents, 1), at::stack(log_variances, 1)};  // of (1, C, h, w) each
  recorder.addVideo("reference_latents", result.latents);
  recorder.addVideo("reference_logvar", result.log_variance);
  return result;
}

}  // namespace cameo::families
