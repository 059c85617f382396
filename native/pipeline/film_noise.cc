#include "pipeline/film_noise.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "core/rng.h"
#include "pipeline/free_noise.h"
#include "pipeline/recorder.h"
#include "samplers/noise_prior.h"

namespace cameo::pipeline {

namespace {

/// As many pictures as diffusers encodes at a time: their noise is one draw.
constexpr int64_t kPicturesAtOnce = 16;

}  // namespace

FilmNoise::FilmNoise(const Pipeline& pipeline, const SampleRequest& request)
    : pipeline_(pipeline),
      request_(request),
      channels_(pipeline.codec().channels()),
      frames_(pipeline.leadingLatents(request) + pipeline.codec().latentFrames(request.frames) +
              pipeline.trailingLatents(request)),
      height_(request.height / pipeline.codec().stride()),
      width_(request.width / pipeline.codec().stride()),
      generator_(makeGenerator(request.seed, RandomStream::InitialNoise)) {}

at::Tensor FilmNoise::draw(bool frame_by_frame) const {
  const at::Tensor drawn = frame_by_frame || pipeline_.liesFrameByFrame()
                               ? drawNormal({frames_, channels_, height_, width_}, generator_)
                               : drawFrames(frames_);
  const auto correlate = request_.context.schedule == WindowSchedule::Looped ? samplers::correlateLoop
                                                                             : samplers::correlateFrames;
  return correlate(drawn, pipeline_.noise_correlation).unsqueeze(0).to(pipeline_.device);
}

at::Tensor FilmNoise::initial() const {
  const ContextWindows& context = request_.context;
  const auto onDevice = [&](const at::Tensor& frames) { return frames.unsqueeze(0).to(pipeline_.device); };
  switch (request_.noise) {
    case NoiseKind::Independent:
    case NoiseKind::Random:
      break;
    case NoiseKind::Shuffled:
      return onDevice(
          shuffleFrames(drawFrames(frames_), context.length, context.length - context.overlap, generator_));
    case NoiseKind::Repeated:
      return onDevice(repeatFrames(drawFrames(std::min(frames_, context.length)), frames_));
  }
  return draw();
}

/// (frames, C, h, w), on the CPU, channel by channel.
at::Tensor FilmNoise::drawFrames(int64_t frames) const {
  return swapTimeAndChannels(drawNormal({1, channels_, frames, height_, width_}, generator_))[0];
}

at::Tensor FilmNoise::drawPosterior(int64_t pictures) const {
  const LatentCodec& codec = pipeline_.codec();
  if (codec.timeStride() == 1 || pictures < 2) return drawPictures(pictures);
  return drawFrames(codec.latentFrames(pictures));
}

at::Tensor FilmNoise::drawPixels() const {
  return drawNormal({1, 3, request_.height, request_.width}, generator_);
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
