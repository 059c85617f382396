#include "pipeline/film_noise.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/rng.h"
#include "pipeline/recorder.h"
#include "samplers/noise_prior.h"

namespace cameo::pipeline {

namespace {

/// As many pictures as diffusers encodes at a time: their noise is one draw.
constexpr int64_t kPicturesAtOnce = 16;

}  // namespace

FilmNoise::FilmNoise(const Pipeline& pipeline, const SampleRequest& request)
    : pipeline_(pipeline),
      channels_(pipeline.codec().channels()),
      frames_(pipeline.codec().latentFrames(request.frames)),
      height_(request.height / pipeline.codec().stride()),
      width_(request.width / pipeline.codec().stride()),
      generator_(makeGenerator(request.seed, RandomStream::InitialNoise)) {}

at::Tensor FilmNoise::draw(bool frame_by_frame) const {
  const at::Tensor drawn =
      frame_by_frame ? drawNormal({1, frames_, channels_, height_, width_}, generator_)
                     : swapTimeAndChannels(drawNormal({1, channels_, frames_, height_, width_}, generator_));
  return samplers::correlateFrames(drawn[0], pipeline_.noise_correlation).unsqueeze(0).to(pipeline_.device);
}

at::Tensor FilmNoise::drawPictures(int64_t count) const {
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < count; first += kPicturesAtOnce) {
    parts.push_back(
        drawNormal({std::min(kPicturesAtOnce, count - first), channels_, height_, width_}, generator_));
  }
  return at::cat(parts);
}

}  // namespace cameo::pipeline
