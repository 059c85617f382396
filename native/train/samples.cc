#include "train/samples.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/rng.h"

namespace cameo::train {

at::Generator generatorOf(uint64_t seed, const Sample& sample) {
  return makeGenerator(seed, RandomStream::TrainingSample, static_cast<uint64_t>(sample.position));
}

EncodedImages latentsOf(const families::StableDiffusion& pipeline, const Sample& sample) {
  if (sample.kept) return *sample.kept;
  EncodedImages images = encodeImages(pipeline, sample.rgb, sample.width, sample.height);
  if (!sample.cache_path.empty()) writeLatents(sample.cache_path, images);
  return images;
}

void requireSameSize(const at::Tensor& sample, const at::Tensor& first) {
  if (sample.sizes() == first.sizes()) return;
  throw Error(ErrorCode::InvalidOption, "the samples of a micro-batch differ in size");
}

}  // namespace cameo::train
