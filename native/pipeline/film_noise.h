#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <vector>

#include "pipeline/pipeline.h"

namespace cameo::pipeline {

/// The random numbers of a request's film, of one generator, in the layouts in which PyTorch's pipelines draw
/// them. Their order is the caller's.
class FilmNoise {
 public:
  FilmNoise(const Pipeline& pipeline, const SampleRequest& request);

  /// For the latents of all frames, (1, F, C, h, w), on the device: drawn as the model's films lie, or frame
  /// by frame, as where a film is started from.
  at::Tensor draw(bool frame_by_frame = false) const;

  /// What a film begins as that is begun with noise alone, in that shape, by the request's kind of noise.
  at::Tensor initial() const;

  /// For a picture of the request's size, (1, 3, H, W), on the CPU.
  at::Tensor drawPixels() const;

  /// For a sample of the codec's posterior of a film of so many pictures, (T, C, h, w), on the CPU: where a
  /// latent is more than a picture, the film's latents are one draw, channel by channel.
  at::Tensor drawPosterior(int64_t pictures) const;

  /// For samples of the codec's posterior, (count, C, h, w), on the CPU.
  at::Tensor drawPictures(int64_t count) const;

 private:
  at::Tensor drawFrames(int64_t frames) const;

  const Pipeline& pipeline_;
  const SampleRequest& request_;
  int64_t channels_, frames_, height_, width_;
  at::Generator generator_;
};

}  // namespace cameo::pipeline
