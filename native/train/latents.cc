#include "train/latents.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <filesystem>

#include "core/error.h"
#include "families/stable_diffusion/conditioning.h"
#include "pipeline/pixels.h"
#include "weights/safetensors.h"

namespace cameo::train {

at::Tensor picturesOf(int64_t stride, const std::vector<uint8_t>& rgb, int64_t width, int64_t height) {
  const int64_t bytes = 3 * width * height;
  if (bytes == 0 || width % stride != 0 || height % stride != 0 || rgb.size() % bytes != 0) {
    throw Error(ErrorCode::InvalidOption, c10::str("data.size: ", width, "x", height,
                                                   " is not allowed; both must be multiples of ", stride));
  }
  std::vector<at::Tensor> pictures;
  for (size_t start = 0; start < rgb.size(); start += bytes) {
    pictures.push_back(pipeline::imageToTensor(rgb.data() + start, width, height));
  }
  return at::cat(pictures);
}

EncodedImages encodeImages(const families::StableDiffusion& pipeline, const std::vector<uint8_t>& rgb,
                           int64_t width, int64_t height) {
  const c10::AutoGradMode no_gradients(false);
  std::vector<at::Tensor> means, log_variances;
  for (const at::Tensor& image : picturesOf(pipeline.vae->config().scale(), rgb, width, height).split(1)) {
    throwIfCancelled();
    const auto posterior = pipeline.vae->encode(image.to(pipeline.device, pipeline.dtype));
    means.push_back(posterior.mean.to(at::kCPU, at::kFloat));
    log_variances.push_back(posterior.log_variance.to(at::kCPU, at::kFloat));
  }
  return {at::cat(means), at::cat(log_variances)};
}

void writeLatents(const std::string& path, const EncodedImages& images) {
  std::error_code ignored;  // the file's own error says more
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  weights::writeSafetensors(path, {{"mean", images.mean}, {"log_variance", images.log_variance}});
}

}  // namespace cameo::train
