#include "families/wan/vace_conditions.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "pipeline/pixels.h"
#include "pipeline/resample.h"

namespace cameo::families {

namespace {

using pipeline::RgbImage;

at::Tensor pixelsOfVace(const RgbImage& picture) {
  return pipeline::imageToTensor(picture.data.data(), picture.width, picture.height);
}

/// (F, 3, H, W), mid-grey where nothing is known of a frame.
at::Tensor filmPixels(const VaceSources& sources) {
  const pipeline::SampleRequest& request = sources.request;
  at::Tensor film = at::zeros({request.frames, 3, request.height, request.width});
  for (size_t i = 0; i < sources.film.pictures.size(); ++i) {
    const RgbImage* picture = sources.film.pictures[i];
    if (picture != nullptr) film[static_cast<int64_t>(i)].copy_(pixelsOfVace(*picture)[0]);
  }
  return film;
}

/// A film's latents, (T, 2 C, h, w): of what is kept, then of what is made anew, each grey elsewhere.
at::Tensor filmLatents(const VaceSources& sources, const at::Tensor& mask) {
  const auto latents = [&](const at::Tensor& pixels) {
    return sources.codec.encode(pixels, sources.request.vae_tiling).latents;
  };
  const at::Tensor film = filmPixels(sources), anew = mask.gt(0.5).to(at::kFloat);
  const at::Tensor kept = latents(film * (1 - anew));
  if (sources.film.pictures.empty()) return at::cat({kept, kept}, 1);  // of nothing, both are grey
  return at::cat({kept, latents(film * anew)}, 1);
}

/// (T, stride^2, h, w): of each latent the mask of its pixels, from the frame in the middle of those that it
/// stands for.
at::Tensor maskPlanes(const VaceSources& sources, const at::Tensor& mask) {
  const int64_t stride = sources.codec.stride(), frames = sources.request.frames,
                latents = sources.codec.latentFrames(frames);
  std::vector<int64_t> middles;
  for (int64_t i = 0; i < latents; ++i) middles.push_back((2 * i + 1) * frames / (2 * latents));
  return mask.select(1, 0)
      .expand({frames, -1, -1})
      .index_select(0, at::tensor(middles, at::kLong))
      .unflatten(2, {-1, stride})
      .unflatten(1, {-1, stride})
      .permute({0, 2, 4, 1, 3})  // (T, s, s, h, w)
      .flatten(1, 2);
}

}  // namespace

at::Tensor vaceMask(const VaceSources& sources) {
  const pipeline::SampleRequest& request = sources.request;
  std::vector<at::Tensor> frames;
  for (const RgbImage& mask : request.picturesOf("mask")) frames.push_back((pixelsOfVace(mask) + 1) / 2);
  if (!frames.empty()) return at::cat(frames);
  if (sources.film.mask.defined()) return sources.film.mask.expand({-1, 3, -1, -1});
  return at::ones({1, 3, request.height, request.width});
}

at::Tensor onWhite(const RgbImage& picture, int64_t width, int64_t height, int64_t stride) {
  const int64_t whole_width = std::max(picture.width / stride, int64_t{1}) * stride,
                whole_height = std::max(picture.height / stride, int64_t{1}) * stride;
  const bool is_whole = whole_width == picture.width && whole_height == picture.height;
  const at::Tensor pixels = pixelsOfVace(is_whole ? picture
                                                  : resize(picture, pipeline::Filter::Lanczos, whole_width,
                                                           whole_height, {0, 0, whole_width, whole_height}));
  const double scale = std::min(static_cast<double>(height) / static_cast<double>(whole_height),
                                static_cast<double>(width) / static_cast<double>(whole_width));
  const auto fitted = [scale](int64_t side) {
    return std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(side) * scale));
  };
  const int64_t rows = fitted(whole_height), columns = fitted(whole_width);
  at::Tensor canvas = at::ones({1, 3, height, width});
  canvas.narrow(2, (height - rows) / 2, rows)
      .narrow(3, (width - columns) / 2, columns)
      .copy_(at::upsample_bilinear2d(pixels, {rows, columns}, /*align_corners=*/false));
  return canvas;
}

at::Tensor vaceConditions(const VaceSources& sources, const std::function<void()>& onEach) {
  const pipeline::SampleRequest& request = sources.request;
  const at::Tensor mask = vaceMask(sources);
  const at::Tensor film = filmLatents(sources, mask);
  std::vector<at::Tensor> parts{at::cat({film, maskPlanes(sources, mask).to(film.device())}, 1)};
  for (const RgbImage& reference : request.picturesOf("reference")) {
    const at::Tensor pixels = onWhite(reference, request.width, request.height, sources.codec.stride());
    const at::Tensor latents = sources.codec.encode(pixels, request.vae_tiling).latents;
    const at::Tensor nothing = at::zeros_like(parts.front().narrow(0, 0, 1).slice(1, latents.size(1)));
    parts.insert(parts.begin(), at::cat({latents, nothing}, 1));
    onEach();
  }
  return at::cat(parts).unsqueeze(0);
}

}  // namespace cameo::families
