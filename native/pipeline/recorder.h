#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

namespace cameo::pipeline {

/// (1, T, C, h, w) <-> PyTorch's order for videos, (1, C, T, h, w).
at::Tensor swapTimeAndChannels(const at::Tensor& x);

/// The tensors that `saveLatents` asks for, fp32 in PyTorch's order; keeps nothing where it doesn't.
class Recorder {
 public:
  /// `frame_by_frame`: videos are kept as they are, (1, T, C, h, w).
  explicit Recorder(std::string path, bool frame_by_frame = false)
      : path_(std::move(path)), frame_by_frame_(frame_by_frame) {}

  bool active() const { return !path_.empty(); }
  void add(const std::string& name, const at::Tensor& tensor);
  void addVideo(const std::string& name, const at::Tensor& video);
  /// The latents that the network is given, evaluation after evaluation, and when.
  void addEvaluation(const at::Tensor& latents, double time);
  /// In how many rounds a pass was made, several evaluations at a time.
  void addRounds(int64_t rounds) { rounds_.push_back(rounds); }
  /// What a pass from noise to a sample led to.
  void addResult(const at::Tensor& latents);
  /// Writes the file: `latents` are, of each pass, those of the evaluations after the first, then its result.
  void write();

 private:
  at::Tensor laidOut(const at::Tensor& video) const;

  std::string path_;
  bool frame_by_frame_;
  std::vector<std::pair<std::string, at::Tensor>> tensors_;
  std::vector<at::Tensor> latents_;
  std::vector<double> times_;
  std::vector<int64_t> rounds_;
  bool pass_begins_ = true;
};

}  // namespace cameo::pipeline
