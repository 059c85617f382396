#pragma once

#include <array>
#include <memory>
#include <vector>

#include "families/stable_diffusion/conditioner.h"
#include "nn/regions.h"
#include "pipeline/codec.h"
#include "pipeline/request.h"

namespace cameo::families {

/// (1, boxes, h, w): 1 within a box of left, top, right and bottom, each a part of the whole; at least one
/// latent is.
at::Tensor boxRegions(const std::vector<std::array<double, 4>>& boxes, int64_t height, int64_t width);

/// Which part of the frames listens to which of a request's references, and how strongly.
class Subjects : public Conditioner {
 public:
  /// Throws `ErrorCode::InvalidOption` for subjects that have other references than the request, and for
  /// masks of another number than its frames.
  Subjects(const pipeline::SampleRequest& request, const pipeline::LatentCodec& codec);

  void apply(models::UNetInput& input, const Evaluated& what) override;

  const nn::Regions& regions() const { return *regions_; }

 private:
  const std::vector<pipeline::SubjectOptions>& choices_;
  std::shared_ptr<const nn::Regions> regions_;
};

}  // namespace cameo::families
