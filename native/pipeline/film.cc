#include "pipeline/film.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "core/error.h"
#include "pipeline/device_visit.h"
#include "pipeline/pixels.h"

namespace cameo::pipeline {

namespace {

[[noreturn]] void refuseFilm(const std::string& message) {
  throw Error(ErrorCode::InvalidOption, message);
}

at::Tensor readMasks(const std::vector<RgbImage>& masks) {
  std::vector<at::Tensor> all;
  all.reserve(masks.size());
  for (const RgbImage& mask : masks) all.push_back(maskToTensor(mask));
  return at::cat(all);
}

/// White for the frames that are not known.
at::Tensor maskInTime(const std::vector<const RgbImage*>& pictures, const SampleRequest& request) {
  const at::Tensor mask = at::ones({request.frames, 1, request.height, request.width});
  for (int64_t i = 0; i < request.frames; ++i) {
    if (pictures[i] != nullptr) mask[i].zero_();
  }
  return mask;
}

void checkCounts(const SampleRequest& request) {
  const auto count = [&](const char* name) { return static_cast<int64_t>(request.picturesOf(name).size()); };
  const auto allow = [&](const char* name, bool one) {
    if (count(name) == 0 || count(name) == request.frames || (one && count(name) == 1)) return;
    refuseFilm(c10::str(name, " has ", count(name), " frames and the request ", request.frames));
  };
  allow("video", false);
  allow("mask", true);
  if (count("image") > 1 || count("lastImage") > 1) refuseFilm("image, lastImage: one picture each is taken");
  const bool has_image = count("image") + count("lastImage") > 0;
  if (count("video") > 0 && has_image) refuseFilm("image, lastImage: a request with a video takes neither");
  if (count("mask") > 0 && count("video") + count("image") == 0) {
    refuseFilm("mask: it goes with the image or the video of which a part is painted anew");
  }
  if (count("lastImage") > 0 && (count("mask") > 0 || request.frames == 1)) {
    refuseFilm("lastImage: it takes a film of two frames or more, and no mask");
  }
}

/// (1, T, C, h, w) of a film of `count` pictures, of which latents are of several.
at::Tensor encodeTogether(const Pipeline& pipeline, const SampleRequest& request, int64_t count,
                          const std::function<at::Tensor(int64_t)>& pixels, const at::Tensor& noise,
                          const std::function<void()>& onEach) {
  const LatentCodec& codec = pipeline.codec();
  const DeviceVisit visit(codec.network().parameters, pipeline.device);
  std::vector<at::Tensor> pictures;
  for (int64_t i = 0; i < count; ++i) {
    pictures.push_back(pixels(i));
    onEach();
  }
  return codec.encode(at::cat(pictures), request.vae_tiling, noise).latents.unsqueeze(0);
}

}  // namespace

int64_t Film::maskedCount() const {
  return std::max(static_cast<int64_t>(pictures.size()), mask.size(0));
}

int64_t knownPictures(const Film& film) {
  return std::count_if(film.pictures.begin(), film.pictures.end(),
                       [](const RgbImage* picture) { return picture != nullptr; });
}

Film filmOf(const SampleRequest& request, bool in_every_frame) {
  Film film;
  const auto& image = request.picturesOf("image");
  const auto& last = request.picturesOf("lastImage");
  for (const RgbImage& frame : request.picturesOf("video")) film.pictures.push_back(&frame);
  if (!request.picturesOf("mask").empty()) film.mask = readMasks(request.picturesOf("mask"));
  if (image.empty() && last.empty()) return film;
  if (in_every_frame || request.frames == 1) {
    film.pictures = {&image.front()};
    return film;
  }
  film.pictures.resize(request.frames);
  if (!image.empty()) film.pictures.front() = &image.front();
  if (!last.empty()) film.pictures.back() = &last.front();
  film.mask = maskInTime(film.pictures, request);
  return film;
}

void checkFilm(const SampleRequest& request) {
  checkCounts(request);
  const double done = static_cast<double>(request.steps) * request.strength;
  if (request.strength != 1 && !(request.strength < 1 && done >= 1)) {
    refuseFilm(c10::str("strength: ", request.strength, " of ", request.steps,
                        " steps is less than one; give more of either, 1 at most"));
  }
  const auto& masks = request.picturesOf("mask");
  const bool has_white = masks.empty() || std::any_of(masks.begin(), masks.end(), [](const RgbImage& mask) {
                           return maskToTensor(mask).any().item<bool>();
                         });
  if (has_white) return;
  refuseFilm("mask: nothing in it is white, so nothing would be painted anew; make white what is to change");
}

at::Tensor latentMask(const Film& film, int64_t height, int64_t width) {
  return at::upsample_nearest2d(film.mask, {height, width}).unsqueeze(0);
}

at::Tensor encodePictures(const Pipeline& pipeline, const SampleRequest& request, int64_t count,
                          const std::function<at::Tensor(int64_t)>& pixels, const at::Tensor& noise,
                          const std::function<void()>& onEach) {
  const LatentCodec& codec = pipeline.codec();
  const DeviceVisit visit(codec.network().parameters, pipeline.device);
  std::vector<at::Tensor> latents;
  for (int64_t i = 0; i < count; ++i) {
    const at::Tensor own_noise = noise.defined() ? noise.slice(0, i, i + 1) : noise;
    latents.push_back(codec.encode(pixels(i), request.vae_tiling, own_noise).latents);
    onEach();
  }
  return at::cat(latents);
}

at::Tensor encodeFilm(const Pipeline& pipeline, const SampleRequest& request, const Film& film,
                      const at::Tensor& noise, const std::function<void()>& onEach) {
  std::vector<const RgbImage*> known;
  std::vector<int64_t> places;  // of each frame's picture among those that are known
  const int64_t count = knownPictures(film);
  for (const RgbImage* picture : film.pictures) {
    places.push_back(picture == nullptr ? count : static_cast<int64_t>(known.size()));
    if (picture != nullptr) known.push_back(picture);
  }
  const auto pixels = [&](int64_t i) {
    return imageToTensor(known[i]->data.data(), known[i]->width, known[i]->height);
  };
  if (pipeline.codec().timeStride() > 1)
    return encodeTogether(pipeline, request, count, pixels, noise, onEach);
  const at::Tensor latents = encodePictures(pipeline, request, count, pixels, noise, onEach);
  const at::Tensor with_unknown = at::cat({latents, at::zeros_like(latents.slice(0, 0, 1))});
  return with_unknown.index_select(0, at::tensor(places, at::kLong).to(latents.device())).unsqueeze(0);
}

}  // namespace cameo::pipeline
