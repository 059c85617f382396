#pragma once

#include <optional>
#include <vector>

#include "samplers/noise_schedule.h"

namespace cameo::samplers {

/// The trained noise levels by sigma = noise / signal, which rises with the timestep.
class SigmaTable {
 public:
  explicit SigmaTable(const NoiseSchedule& schedule);

  /// Between two timesteps, on the line between their sigmas.
  double at(double timestep) const;
  /// The timestep of a sigma, by its logarithm; the first or last one for those beyond.
  double timeOf(double sigma) const;

  double smallest() const { return sigmas_.front(); }
  double largest() const { return sigmas_.back(); }
  /// How many timesteps have logSnr of at least `lambda`.
  int64_t countFrom(double lambda) const;

 private:
  // fp32 as in diffusers: which of two timesteps a sigma at the end belongs to hangs on their rounding.
  std::vector<float> sigmas_;
  std::vector<float> log_sigmas_;
};

/// `final_sigmas_type`: whether the last step leads to the smallest sigma; else it leads to none.
bool readEndsAtSmallest(const Config& config);

/// How sigmas are spread between the largest and the smallest; none: as the timesteps are.
enum class SigmaShape { Karras, Exponential, Beta };

/// `use_karras_sigmas`, `use_exponential_sigmas`, `use_beta_sigmas`: at most one of them.
std::optional<SigmaShape> readSigmaShape(const Config& config);

/// A config's `sigma_min` or `sigma_max`, where it has that.
std::optional<double> readSigma(const Config& config, const char* field);

/// `steps` sigmas, falling from `largest` to `smallest`. Throws `ErrorCode::InvalidOption` where they don't
/// fall. Karras: arXiv 2206.00364, equation 5, rho = 7; beta:
/// the quantiles of Beta(0.6, 0.6), arXiv 2407.12173.
std::vector<double> shapedSigmas(SigmaShape shape, double smallest, double largest, int64_t steps);

inline constexpr double kLeastShift = 0.01, kMostShift = 1000;  // of a config

/// sigma' = shift sigma / (1 + (shift - 1) sigma), of flow matching (arXiv 2403.03206, equation 23).
double shifted(double sigma, double shift);

Level preservingLevel(double time, double sigma);
inline Level explodingLevel(double time, double sigma) {
  return {time, 1, sigma};
}
inline Level flowLevel(double time, double sigma) {
  return {time, 1 - sigma, sigma};
}

}  // namespace cameo::samplers
