#pragma once

#include <memory>
#include <vector>

#include "models/unet.h"
#include "pipeline/denoiser.h"

namespace cameo::families {

/// What one evaluation of the UNet is for.
struct Evaluated {
  const pipeline::FrameWindow& window;
  int64_t first_branch = 0;
  int64_t branches = 1;
  pipeline::Moment moment;
};

/// A condition beside text, references and what is shown with the latents.
class Conditioner {
 public:
  virtual ~Conditioner() = default;

  /// Adds to `input`, which has its images, times and text, what the UNet is to know of it.
  virtual void apply(models::UNetInput& input, const Evaluated& what) = 0;
};

/// What a request says and shows, as its network takes it. The least conditioned branch is the first.
struct Conditions {
  at::Tensor text;  // (branches, S, D), or (branches, F, S, D) where prompts change over time; references
                    // then read that of the first frame
  at::Tensor references = {};  // (1, R, C, h, w); undefined without references
  at::Tensor shown =
      {};  // (branches, 1 or F, C', h, w): what the UNet sees beside each frame's latents; undefined: nothing
  at::Tensor shown_references = {};  // (branches, R, C', h, w): likewise beside each reference's
  std::vector<std::unique_ptr<Conditioner>> others = {};
  int64_t unconditional = 0;  // how many branches, the first ones, have the negative prompt
};

}  // namespace cameo::families
