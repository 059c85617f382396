#pragma once

#include <vector>

#include "samplers/sampler.h"
#include "samplers/sigmas.h"

namespace cameo::samplers {

/// In what the classes of diffusers' multistep solvers differ in choosing their levels.
struct MultistepRules {
  bool lu_lambdas = false;               // `use_lu_lambdas` is known
  bool lambda_clipped = false;           // `lambda_min_clipped` is known
  bool fractional_cosine_times = false;  // Karras' times are not rounded for cosine betas
  bool shaped_end_at_own_smallest =
      false;                      // where shaped sigmas end at a smallest one: their own, or the trained one
  bool final_choice = true;       // `final_sigmas_type` is known; else they end at a smallest sigma
  bool flow_from_one = false;     // flow's sigmas are spread from 1 down; else from 0 up, less the last one
  bool takes_pure_noise = false;  // a first level without signal is finite to the solver
};

/// The schedule of a multistep solver, whose samples are on the preserving scale, or flow matching's with
/// `use_flow_sigmas`.
ScheduleConfig readMultistepSchedule(const Config& config);

/// `steps` levels and the one that the last step leads to.
std::vector<Level> multistepLevels(const Config& config, const NoiseSchedule& schedule, int64_t steps,
                                   const MultistepRules& rules);

/// What the network said at the last levels: an estimate's clean sample or its noise.
class History {
 public:
  explicit History(size_t most) : most_(most) {}

  void remember(at::Tensor value, const Level& level);
  /// The value `back` steps ago, from 0.
  const at::Tensor& value(size_t back) const { return entries_[entries_.size() - 1 - back].value; }
  double logSnr(size_t back) const { return entries_[entries_.size() - 1 - back].log_snr; }
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    at::Tensor value;
    double log_snr;
  };
  size_t most_;
  std::vector<Entry> entries_;
};

/// The exact step of first order, for a value that doesn't change on the way: x' = kept x - scale expm1(h)
/// value. With the clean sample as the value h is minus the change of logSnr, with the noise it is that
/// change.
struct ExponentialStep {
  double kept, scale, h;
};
ExponentialStep exponentialStep(const Level& from, const Level& to, bool of_clean);

/// Whether `step` of `steps` is one of the last ones where lower orders are steadier: within `last` of the
/// end.
bool isNearEnd(size_t step, int64_t steps, int64_t last);

}  // namespace cameo::samplers
