#pragma once

#include <array>
#include <memory>
#include <vector>

#include "families/stable_diffusion/conditioner.h"
#include "families/stable_diffusion/stable_diffusion.h"
#include "nn/regions.h"

namespace cameo::families {

/// (1, boxes, h, w): 1 within a box of left, top, right and bottom, each a part of the whole; at least one
/// latent is.
at::Tensor boxRegions(const std::vector<std::array<double, 4>>& boxes, int64_t height, int64_t width);

/// Which part of the frames listens to which of a request's references, and how strongly, and which text it
/// and they read.
class Subjects : public Conditioner {
 public:
  /// `words` are the texts of those subjects that have some, (1, S, D) each; the first `unconditional`
  /// branches don't read them. Throws `ErrorCode::InvalidOption` for subjects that have other references than
  /// the request, and for masks of another number than its frames.
  Subjects(const pipeline::SampleRequest& request, const pipeline::LatentCodec& codec,
           std::vector<at::Tensor> words, int64_t unconditional);

  void apply(models::UNetInput& input, const Evaluated& what) override;

  const nn::Regions& regions() const { return *regions_; }

 private:
  const std::vector<pipeline::SubjectOptions>& choices_;
  std::shared_ptr<const nn::Regions> regions_;
  std::vector<at::Tensor> words_;
  int64_t unconditional_;
};

/// Of a request that has some; encodes their words.
void addSubjects(Conditions& conditions, const StableDiffusion& model, const pipeline::SampleRequest& request,
                 pipeline::Recorder& recorder);

}  // namespace cameo::families
