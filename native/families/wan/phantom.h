#pragma once

#include <memory>
#include <vector>

#include "families/wan/wan.h"

namespace cameo::families {

/// Phantom (arXiv 2502.11079) on Wan: films of a prompt and of pictures of subjects, whose latents stand
/// after the film's. Its branches: neither, with the negative prompt; the pictures with that; the pictures
/// with the prompt.
struct Phantom : Wan {
  using Wan::Wan;

  void describeOwn() override;
  void check(const pipeline::SampleRequest& request) const override;
  std::vector<pipeline::GuidanceScale> guidanceScales(const pipeline::SampleRequest& request) const override;
  bool takesAnySize(const std::string& option) const override { return option == "reference"; }
  int64_t trailingLatents(const pipeline::SampleRequest& request) const override {
    return request.referenceCount();
  }
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;

 private:
  /// (1, R, C, h, w), scaled, fp32.
  at::Tensor referenceLatents(const pipeline::SampleRequest& request,
                              const std::function<void()>& onEach) const;
};

}  // namespace cameo::families
