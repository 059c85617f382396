#include "nn/regions.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

#include "core/error.h"

namespace cameo::nn {

namespace {

[[noreturn]] void refuseRegion(size_t subject, const std::string& what) {
  throw Error(ErrorCode::InvalidOption, "the region of subject " + std::to_string(subject) + " " + what);
}

/// (1 or F, n), on the CPU: how much of each position of a layer is in the region.
at::Tensor areaOf(const at::Tensor& region, int64_t height, int64_t width) {
  return at::adaptive_avg_pool2d(region[0].unsqueeze(1), {height, width}).flatten(1);
}

/// (F, n), bool, on the CPU: which positions of a layer are in the region.
at::Tensor positionsIn(const at::Tensor& region, int64_t frames, int64_t height, int64_t width) {
  if (!region.defined()) return at::ones({frames, height * width}, at::kBool);
  const at::Tensor area = areaOf(region, height, width);
  const at::Tensor enough = area.amax(1, /*keepdim=*/true).clamp_max_(0.5);
  return area.ge(enough).logical_and_(area.gt(0)).expand({frames, -1});
}

at::Tensor indicesOf(const std::vector<int64_t>& indices) {
  return at::tensor(indices, at::kLong);
}

/// Of `listens` (F, n), in the order of how many positions there are.
std::vector<Listeners::Batch> batchesIn(const at::Tensor& listens) {
  std::map<int64_t, std::vector<int64_t>> frames_by_count;
  const at::Tensor counts = listens.sum(1);
  for (int64_t f = 0; f < listens.size(0); ++f) frames_by_count[counts[f].item<int64_t>()].push_back(f);
  frames_by_count.erase(0);
  std::vector<Listeners::Batch> batches;
  for (const auto& [count, indices] : frames_by_count) {
    const at::Tensor frames = indicesOf(indices);
    const at::Tensor found = listens.index_select(0, frames).nonzero();  // (G*m, 2)
    const at::Tensor of_frame = frames.index_select(0, found.select(1, 0));
    batches.push_back({frames, of_frame * listens.size(1) + found.select(1, 1)});
  }
  return batches;
}

Listeners listenersOf(const at::Tensor& listens, int64_t first, int64_t references, c10::Device device) {
  Listeners result{first, references, listens.all().item<bool>(), {}, {}};
  if (result.everywhere) return result;
  result.positions = listens.flatten().nonzero().squeeze(1).to(device);
  for (const Listeners::Batch& batch : batchesIn(listens)) {
    result.batches.push_back({batch.frames.to(device), batch.positions.to(device)});
  }
  return result;
}

/// (S, F, n) -> (S, F, words)
at::Tensor asBits(const at::Tensor& listens) {
  constexpr int64_t word = 32, whole = 4 * word;
  const int64_t missing = (whole - listens.size(2) % whole) % whole;
  const at::Tensor padded = at::constant_pad_nd(listens.to(at::kLong), {0, missing}).unflatten(2, {-1, word});
  return padded.bitwise_left_shift(at::arange(word, at::kLong)).sum(-1).to(at::kInt);
}

/// Of areas (W, images, n) that words cover: `LayerRegions::words`. Each is the text's weight among those up
/// to it, as in a running mean.
std::vector<at::Tensor> wordsOver(const at::Tensor& areas, c10::Device device) {
  const at::Tensor weights = areas / areas.sum(0).clamp_min(1);
  at::Tensor left = at::ones_like(areas[0]);
  std::vector<at::Tensor> words(areas.size(0));
  for (int64_t w = areas.size(0) - 1; w >= 0; --w) {
    words[w] = at::where(weights[w] > 0, (weights[w] / left).clamp(0, 1), 0).to(device);
    left = left - weights[w];
  }
  return words;
}

}  // namespace

Regions::Regions(std::vector<Subject> subjects) : subjects_(std::move(subjects)) {
  for (size_t i = 0; i < subjects_.size(); ++i) {
    at::Tensor& region = subjects_[i].region;
    if (!region.defined()) continue;
    if (region.dim() != 4 || region.size(0) != 1 || region.numel() == 0) {
      refuseRegion(i, "must have a mask for each frame or one for all");
    }
    region = region.ne(0).to(at::kCPU, at::kFloat);
  }
}

std::shared_ptr<const Regions> Regions::ofFrames(const std::vector<int64_t>& frames) const {
  std::shared_ptr<const Regions>& found = of_frames_[frames];
  if (found) return found;
  std::vector<Subject> subjects = subjects_;
  for (size_t i = 0; i < subjects.size(); ++i) {
    at::Tensor& region = subjects[i].region;
    if (!region.defined() || region.size(1) == 1) continue;
    if (*std::ranges::max_element(frames) >= region.size(1)) {
      refuseRegion(i, "has " + std::to_string(region.size(1)) + " frames, fewer than the video");
    }
    region = region.index_select(1, indicesOf(frames));
  }
  return found = std::make_shared<const Regions>(std::move(subjects));
}

std::shared_ptr<const LayerRegions> Regions::ofLayer(int64_t frames, int64_t height, int64_t width,
                                                     c10::Device device) const {
  std::shared_ptr<const LayerRegions>& found = of_layers_[{frames, height, width}];
  if (found) return found;
  LayerRegions layer;
  std::vector<at::Tensor> listens;
  int64_t first = 0;
  for (size_t i = 0; i < subjects_.size(); ++i) {
    const auto& [references, region, has_words] = subjects_[i];
    if (region.defined() && region.size(1) != 1 && region.size(1) != frames) {
      refuseRegion(i,
                   "has " + std::to_string(region.size(1)) + " frames instead of " + std::to_string(frames));
    }
    listens.push_back(positionsIn(region, frames, height, width));
    layer.subjects.push_back(listenersOf(listens.back(), first, references, device));
    first += references;
  }
  layer.words = wordsOfLayer(frames, height, width, device);
  const at::Tensor all = at::stack(listens);
  layer.listens = all.to(device);
  layer.bits = asBits(all).to(device);
  return found = std::make_shared<const LayerRegions>(std::move(layer));
}

std::vector<at::Tensor> Regions::wordsOfLayer(int64_t frames, int64_t height, int64_t width,
                                              c10::Device device) const {
  std::vector<at::Tensor> areas;
  int64_t first = frames;  // of the subject's references among the images
  for (const Subject& subject : subjects_) {
    if (subject.has_words) {
      at::Tensor area = at::zeros({frames + references(), height * width});
      if (subject.region.defined()) area.slice(0, 0, frames).copy_(areaOf(subject.region, height, width));
      area.narrow(0, first, subject.references).fill_(1);
      areas.push_back(area);
    }
    first += subject.references;
  }
  return areas.empty() ? areas : wordsOver(at::stack(areas), device);
}

int64_t Regions::references() const {
  int64_t count = 0;
  for (const Subject& subject : subjects_) count += subject.references;
  return count;
}

size_t Regions::withWords() const {
  return std::ranges::count_if(subjects_, &Subject::has_words);
}

bool Regions::hasRegions() const {
  return std::ranges::any_of(subjects_, [](const Subject& subject) { return subject.region.defined(); });
}

}  // namespace cameo::nn
