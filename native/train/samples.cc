#include "train/samples.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/rng.h"

namespace cameo::train {

at::Generator generatorOf(uint64_t seed, const Sample& sample) {
  return makeGenerator(seed, RandomStream::TrainingSample, static_cast<uint64_t>(sample.position));
}

at::Tensor picturesOf(const pipeline::LatentCodec& codec, const Sample& sample) {
  return sample.kept ? at::Tensor() : picturesOf(codec.stride(), sample.rgb, sample.width, sample.height);
}

models::Posterior latentsOf(const pipeline::LatentCodec& codec, const Sample& sample,
                            const at::Tensor& pictures) {
  if (sample.kept) return *sample.kept;
  models::Posterior latents = encodePictures(codec, pictures, sample.references);
  if (!sample.cache_path.empty()) writeLatents(sample.cache_path, latents);
  return latents;
}

void requireSameSize(const at::Tensor& sample, const at::Tensor& first) {
  if (sample.sizes() == first.sizes()) return;
  throw Error(ErrorCode::InvalidOption, "the samples of a micro-batch differ in size");
}

}  // namespace cameo::train
