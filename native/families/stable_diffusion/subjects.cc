#include "families/stable_diffusion/subjects.h"

#include <ATen/ATen.h>

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "families/stable_diffusion/conditioning.h"
#include "pipeline/pixels.h"

namespace cameo::families {

namespace {

using pipeline::SampleRequest, pipeline::SubjectOptions;

/// Latents along one side, of `count`, whose middles lie between two parts of it; one at least.
std::pair<int64_t, int64_t> between(double from, double to, int64_t count) {
  const auto place = [count](double part) {
    return std::clamp<int64_t>(std::llround(part * static_cast<double>(count)), 0, count);
  };
  const int64_t first = std::min(place(from), count - 1);
  return {first, std::max(place(to), first + 1)};
}

/// (1, masks, h, w): 1 where at least half of a latent's pixels are white.
at::Tensor shown(const std::vector<pipeline::RgbImage>& masks, int64_t stride) {
  std::vector<at::Tensor> regions;
  for (const pipeline::RgbImage& mask : masks) {
    regions.push_back(at::avg_pool2d(pipeline::maskToTensor(mask), stride).ge(0.5).to(at::kFloat));
  }
  return at::cat(regions, 1);
}

nn::Subject subjectOf(const SampleRequest& request, size_t index, int64_t stride) {
  const SubjectOptions& choice = request.subjects[index];
  nn::Subject subject{
      .references = choice.references, .region = {}, .has_words = !request.words[index].ids.empty()};
  const auto& masks = request.picturesOf("regions." + std::to_string(index));
  if (!choice.boxes.empty()) {
    subject.region = boxRegions(choice.boxes, request.height / stride, request.width / stride);
  } else if (!masks.empty()) {
    subject.region = shown(masks, stride);
  }
  if (subject.region.defined() && subject.region.size(1) != 1 && subject.region.size(1) != request.frames) {
    throw Error(ErrorCode::InvalidOption, "subjects: a region must be one for all frames, or one for each");
  }
  if (subject.region.defined() && !subject.region.any().item<bool>()) {
    throw Error(ErrorCode::InvalidOption,
                c10::str("subjects[", index, "].region: what is white in it is too small; make more white"));
  }
  return subject;
}

}  // namespace

at::Tensor boxRegions(const std::vector<std::array<double, 4>>& boxes, int64_t height, int64_t width) {
  at::Tensor region = at::zeros({1, static_cast<int64_t>(boxes.size()), height, width});
  for (size_t i = 0; i < boxes.size(); ++i) {
    const auto [left, right] = between(boxes[i][0], boxes[i][2], width);
    const auto [top, bottom] = between(boxes[i][1], boxes[i][3], height);
    region[0][static_cast<int64_t>(i)].slice(0, top, bottom).slice(1, left, right).fill_(1);
  }
  return region;
}

Subjects::Subjects(const SampleRequest& request, const pipeline::LatentCodec& codec,
                   std::vector<at::Tensor> words, int64_t unconditional)
    : choices_(request.subjects), words_(std::move(words)), unconditional_(unconditional) {
  std::vector<nn::Subject> subjects;
  for (size_t i = 0; i < choices_.size(); ++i) subjects.push_back(subjectOf(request, i, codec.stride()));
  regions_ = std::make_shared<const nn::Regions>(std::move(subjects));
  if (regions_->references() == request.referenceCount()) return;
  throw Error(ErrorCode::InvalidOption, "subjects: they must have all of the references, and no more");
}

void Subjects::apply(models::UNetInput& input, const Evaluated& what) {
  input.regions = regions_->ofFrames(what.window.frames);
  input.words = {words_, std::max<int64_t>(0, unconditional_ - what.first_branch)};
  const double progress = what.moment.progress();
  size_t levels = 0;
  for (const SubjectOptions& choice : choices_) levels = std::max(levels, choice.levels.size());
  bool all_plain = true;
  std::vector<std::vector<double>> strengths(levels);
  for (size_t level = 0; level < levels; ++level) {
    for (const SubjectOptions& choice : choices_) {
      const bool seen = progress >= choice.range.from && progress < choice.range.to;
      const double strength =
          seen ? choice.scale * choice.levels[std::min(level, choice.levels.size() - 1)] : 0;
      strengths[level].insert(strengths[level].end(), choice.references, strength);
      all_plain &= strength == 1;
    }
  }
  if (!all_plain) input.reference_strengths = std::move(strengths);
}

void addSubjects(Conditions& conditions, const StableDiffusion& model, const SampleRequest& request,
                 pipeline::Recorder& recorder) {
  if (request.subjects.empty()) return;
  conditions.others.push_back(std::make_unique<Subjects>(
      request, model.codec(), encodeWords(model, request, recorder), conditions.unconditional));
}

}  // namespace cameo::families
