#pragma once

#include "pipeline/codec.h"
#include "pipeline/film.h"
#include "pipeline/recorder.h"

namespace cameo::families {

/// What a request shows VACE: a film and which part of it is made anew, and pictures of what is to be seen.
struct VaceSources {
  const pipeline::SampleRequest& request;
  const pipeline::Film& film;
  const pipeline::LatentCodec& codec;
};

/// How much of each pixel of a film is made anew, (1 or F, 3, H, W) in 0..1: as the request's mask says it,
/// or all of what no picture shows; all without a film.
at::Tensor vaceMask(const VaceSources& sources);

/// A picture in -1..1 on a white canvas (1, 3, height, width), as large as that holds, in its middle. As
/// diffusers' WanVACEPipeline fits it.
at::Tensor onWhite(const pipeline::RgbImage& picture, int64_t width, int64_t height, int64_t stride);

/// What VACE's blocks see, (1, R + T, 2 C + stride^2, h, w), fp32 on the codec's device: of each reference,
/// the last one first, its latents and zeros; then of the film the kept part's latents and the changed
/// part's, and where that is, pixel by pixel of each latent. The codec's network has to be on its device.
/// `onEach` is called once a reference.
at::Tensor vaceConditions(const VaceSources& sources, const std::function<void()>& onEach);

}  // namespace cameo::families
