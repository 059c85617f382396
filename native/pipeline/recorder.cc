#include "pipeline/recorder.h"

#include <ATen/ATen.h>

#include <utility>

#include "weights/safetensors.h"

namespace cameo::pipeline {

at::Tensor swapTimeAndChannels(const at::Tensor& x) {
  return x.transpose(1, 2).contiguous();
}

at::Tensor Recorder::laidOut(const at::Tensor& video) const {
  return frame_by_frame_ ? video : swapTimeAndChannels(video);
}

void Recorder::add(const std::string& name, const at::Tensor& tensor) {
  if (active()) tensors_.emplace_back(name, tensor.to(at::kCPU).contiguous());
}

void Recorder::addVideo(const std::string& name, const at::Tensor& video) {
  if (active()) add(name, laidOut(video.to(at::kFloat)));
}

void Recorder::addEvaluation(const at::Tensor& latents, double time) {
  if (!active()) return;
  if (!std::exchange(pass_begins_, false)) latents_.push_back(laidOut(latents).to(at::kCPU));
  times_.push_back(time);
}

void Recorder::addResult(const at::Tensor& latents) {
  if (!active()) return;
  latents_.push_back(laidOut(latents).to(at::kCPU));
  pass_begins_ = true;
}

void Recorder::write() {
  if (!active()) return;
  const at::Tensor times = at::tensor(times_, at::kDouble);
  add("timesteps", times.equal(times.round()) ? times.to(at::kLong) : times);
  if (!rounds_.empty()) add("rounds", at::tensor(rounds_, at::kLong));
  add("latents", at::stack(latents_));  // (evaluations, 1, C, F, h, w), or frame by frame
  weights::writeSafetensors(path_, tensors_);
}

}  // namespace cameo::pipeline
