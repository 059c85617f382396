#include "pipeline/memory_plan.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "core/device.h"
#include "core/error.h"
#include "weights/text.h"

namespace cameo::pipeline {

namespace {

// How many tensors as large as a network's largest live at the same time, and what the kernels need beside
// them: above what was measured on a CPU with Stable Diffusion 1.5's layout, 128 to 512 pixels, 1 to 34
// images. Elsewhere a feed-forward is computed at once, and its 12 tensors count.
constexpr double kDenoiserTensors = 16, kDenoiserTensorsAtOnce = 28;
constexpr double kCodecTensors = 3, kTemporalCodecTensors = 4;
constexpr double kKernels = 128 * 1024 * 1024;

double bytesOf(const Network& network) {
  return static_cast<double>(network.parameters.numel()) *
         static_cast<double>(c10::elementSize(network.dtype));
}

/// On the device at the same time: all networks, or where they only visit it the largest one, those that
/// denoise together being one. What LoRAs have
/// changed is kept in the host's memory.
double weightBytes(const Pipeline& pipeline, const MemoryPlace& place) {
  double largest = 0, denoising = 0, all = place.is_cpu ? static_cast<double>(pipeline.loras.bytes()) : 0;
  for (const Network& network : pipeline.networks()) {
    if (network.denoises) denoising += bytesOf(network);
    largest = std::max({largest, denoising, bytesOf(network)});
    all += bytesOf(network);
  }
  return place.is_cpu || !place.allowed ? all : largest;
}

double denoiserBytes(const Pipeline& pipeline, const SampleRequest& request, const MemoryPlace& place,
                     bool apart) {
  const auto branches = apart ? 1 : static_cast<int64_t>(pipeline.guidanceScales(request).size()) + 1;
  const auto bytes = static_cast<double>(branches * pipeline.largestTensor(request)) *
                     static_cast<double>(c10::elementSize(pipeline.dtype));
  return kKernels + (place.is_cpu ? kDenoiserTensors : kDenoiserTensorsAtOnce) * bytes;
}

/// Of a picture, or of a film that is more to a codec than its pictures.
double codecTensorBytes(const Pipeline& pipeline, const FilmSize& size, bool tiled) {
  const LatentCodec& codec = pipeline.codec();
  const auto bytes = static_cast<double>(codec.largestTensor(size, tiled)) *
                     static_cast<double>(c10::elementSize(codec.network().dtype));
  return (codec.decodesTogether() ? kTemporalCodecTensors : kCodecTensors) * bytes;
}

double codecBytes(const Pipeline& pipeline, const FilmSize& size, bool tiled) {
  return kKernels + codecTensorBytes(pipeline, size, tiled);
}

/// How many of a request's frames can be decoded together in `left` bytes; 0: all, 1 where not even that
/// fits.
int64_t decodedTogether(const Pipeline& pipeline, const SampleRequest& request, bool tiled, double left) {
  if (!pipeline.codec().decodesTogether()) return 0;
  const double frame = codecTensorBytes(pipeline, {request.width, request.height}, tiled);
  const double fitting = (left - kKernels) / frame;
  if (fitting >= static_cast<double>(request.frames)) return 0;
  return std::max<int64_t>(1, static_cast<int64_t>(fitting));
}

MemoryPlace placeOf(const Pipeline& pipeline) {
  return {.is_cpu = pipeline.device.is_cpu(), .allowed = pipeline.max_memory};
}

[[noreturn]] void refuse(const Pipeline& pipeline, uint64_t allowed, double needed,
                         const std::string& smaller) {
  throw Error(
      ErrorCode::OutOfMemory,
      c10::str("maxMemory: ", weights::bytesText(allowed), " are allowed and this request needs some ",
               weights::bytesText(static_cast<uint64_t>(needed)), " in ", dtypeName(pipeline.dtype),
               ": allow more, or ask for ", smaller));
}

}  // namespace

int64_t Pipeline::bytes() const {
  auto total = static_cast<size_t>(loras.bytes());
  for (const Network& network : networks()) {
    for (const Parameter& parameter : network.parameters.all()) {
      if (!parameter.value.defined()) continue;  // of a model without its weights
      total += parameter.value.nbytes();
      if (parameter.adapter) total += parameter.adapter->down.nbytes() + parameter.adapter->up.nbytes();
    }
  }
  return static_cast<int64_t>(total);
}

MemoryPlan planMemory(const Pipeline& pipeline, const SampleRequest& request) {
  return planMemory(pipeline, request, placeOf(pipeline));
}

MemoryPlan planMemory(const Pipeline& pipeline, const SampleRequest& request, const MemoryPlace& place) {
  MemoryPlan plan{.tiled = request.vae_tiling, .weights = weightBytes(pipeline, place)};
  const FilmSize size{request.width, request.height, request.frames};
  const double left = place.allowed ? static_cast<double>(*place.allowed) - plan.weights : 0;
  if (place.allowed) {
    plan.branches_apart =
        !pipeline.guidanceScales(request).empty() && denoiserBytes(pipeline, request, place, false) > left;
    plan.tiled |= codecBytes(pipeline, size, false) > left;
    plan.decoded_together = decodedTogether(pipeline, request, plan.tiled, left);
  }
  plan.denoiser = denoiserBytes(pipeline, request, place, plan.branches_apart);
  plan.codec = codecBytes(pipeline, size, plan.tiled);
  if (place.allowed && std::max(plan.denoiser, plan.codec) > left) {
    refuse(pipeline, *place.allowed, plan.total(),
           pipeline.dtype == at::kFloat ? "fewer frames, a smaller size or dtype bf16"
                                        : "fewer frames or a smaller size");
  }
  return plan;
}

bool planTiles(const Pipeline& pipeline, int64_t width, int64_t height) {
  if (!pipeline.max_memory) return false;
  const double weights = pipeline.home() == pipeline.device ? weightBytes(pipeline, placeOf(pipeline))
                                                            : bytesOf(pipeline.codec().network());
  const auto needed = [&](bool tiled) { return weights + codecBytes(pipeline, {width, height}, tiled); };
  const auto allowed = static_cast<double>(*pipeline.max_memory);
  if (needed(false) <= allowed) return false;
  if (needed(true) <= allowed) return true;
  refuse(pipeline, *pipeline.max_memory, needed(true), "a smaller picture");
}

}  // namespace cameo::pipeline
