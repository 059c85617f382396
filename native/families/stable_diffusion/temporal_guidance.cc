#include "families/stable_diffusion/temporal_guidance.h"

#include <ATen/ATen.h>

namespace cameo::families {

namespace {

class FramesApart : public Conditioner {
 public:
  void apply(models::UNetInput& input, const Evaluated& what) override {
    input.still_rows = what.first_branch == 0 ? 1 : 0;
  }
};

at::Tensor withFirstTwice(const at::Tensor& branches) {
  return at::cat({branches.slice(0, 0, 1), branches});
}

}  // namespace

void addFramesApart(Conditions& conditions) {
  conditions.text = withFirstTwice(conditions.text);
  if (conditions.shown.defined()) conditions.shown = withFirstTwice(conditions.shown);
  if (conditions.shown_references.defined()) {
    conditions.shown_references = withFirstTwice(conditions.shown_references);
  }
  if (conditions.unconditional > 0) ++conditions.unconditional;
  conditions.others.push_back(std::make_unique<FramesApart>());
}

}  // namespace cameo::families
