#pragma once

#include <memory>
#include <vector>

#include "families/wan/wan.h"
#include "models/dit/vace.h"

namespace cameo::families {

/// VACE (arXiv 2503.07598) on Wan's transformer: films of a prompt and of what a request shows, which are
/// pictures of what is to be seen, a film with a part to be made anew, or one to go by.
struct Vace : Wan {
  using Wan::Wan;

  void buildOwn(const weights::BaseModel& base, const weights::Component& transformer) override;
  std::vector<weights::Layer> transformerLayers(const weights::Component& transformer) const override;
  void loadOwn(NetworkLoader& loader) override;
  void describeOwn() override;

  std::vector<pipeline::Network> networks() const override;
  void check(const pipeline::SampleRequest& request) const override;
  bool takesAnySize(const std::string& option) const override { return option == "reference"; }
  /// References stand before the film.
  int64_t leadingLatents(const pipeline::SampleRequest& request) const override {
    return request.referenceCount();
  }
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest& request,
                                               const pipeline::Start& start,
                                               const samplers::NoiseSchedule& schedule,
                                               const pipeline::OnProgress& onProgress,
                                               pipeline::Recorder& recorder) const override;

  std::unique_ptr<models::Vace> context;

 private:
  std::vector<weights::Layer> context_layers_;  // until it is loaded
};

}  // namespace cameo::families
