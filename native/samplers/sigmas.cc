#include "samplers/sigmas.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"

namespace cameo::samplers {

namespace {

// Above 0, so that the noisiest sigma of a schedule with zero terminal SNR is finite: fp16's smallest number.
constexpr double kLeastAlpha = 0x1p-24;

constexpr double kLeastSigma = 1e-6, kMostSigma = 1e6;  // of a config

constexpr double kKarrasRho = 7;
constexpr double kBetaShape = 0.6;

/// The part of Beta(shape, shape) below x, by its power series; for x up to 0.5.
double betaBelowHalf(double x, double shape) {
  double term = std::pow(x, shape), sum = term / shape;
  for (int n = 1; n < 200 && term > 1e-18; ++n) {
    term *= x * (n - shape) / n;
    sum += term / (shape + n);
  }
  const double whole = std::exp(2 * std::lgamma(shape) - std::lgamma(2 * shape));
  return sum / whole;
}

/// The quantile of Beta(shape, shape): what `betaBelowHalf` makes of x, by bisection.
double betaQuantile(double part, double shape) {
  if (part > 0.5) return 1 - betaQuantile(1 - part, shape);
  double low = 0, high = 0.5;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (betaBelowHalf(middle, shape) < part ? low : high) = middle;
  }
  return high;
}

}  // namespace

SigmaTable::SigmaTable(const NoiseSchedule& schedule) {
  const ScheduleConfig& config = schedule.config();
  for (int64_t t = 0; t < config.train_timesteps; ++t) {
    double alpha = schedule.alphaCumprod(t);
    if (config.rescale_betas_zero_snr && t + 1 == config.train_timesteps) alpha = kLeastAlpha;
    sigmas_.push_back(static_cast<float>(std::sqrt((1 - alpha) / alpha)));
    log_sigmas_.push_back(std::log(sigmas_.back()));
  }
}

double SigmaTable::at(double timestep) const {
  const auto below = static_cast<size_t>(timestep);
  if (below + 1 >= sigmas_.size()) return sigmas_.back();
  const double part = timestep - static_cast<double>(below);
  const double low = sigmas_[below], high = sigmas_[below + 1];
  return low + part * (high - low);
}

double SigmaTable::timeOf(double sigma) const {
  if (sigmas_.size() == 1) return 0;
  const double log_sigma = std::log(std::max(sigma, 1e-10));
  const auto above = std::upper_bound(log_sigmas_.begin(), log_sigmas_.end(), log_sigma);
  const auto after = std::clamp<ptrdiff_t>(above - log_sigmas_.begin(), 1, std::ssize(log_sigmas_) - 1);
  const double low = log_sigmas_[after - 1], high = log_sigmas_[after];
  const double part = std::clamp((log_sigma - low) / (high - low), 0.0, 1.0);
  return (1 - part) * static_cast<double>(after - 1) + part * static_cast<double>(after);
}

int64_t SigmaTable::countFrom(double lambda) const {
  return std::count_if(log_sigmas_.begin(), log_sigmas_.end(), [&](float log) { return -log >= lambda; });
}

bool readEndsAtSmallest(const Config& config) {
  static const std::map<std::string, bool> kinds{{"zero", false}, {"sigma_min", true}};
  return config.oneOf("final_sigmas_type", kinds, false);
}

std::optional<SigmaShape> readSigmaShape(const Config& config) {
  std::optional<SigmaShape> shape;
  const auto read = [&](const char* field, SigmaShape named) {
    if (!config.boolean(field, false)) return;
    if (shape) config.fail(field, "only one of Karras, exponential and beta sigmas can be used");
    shape = named;
  };
  read("use_karras_sigmas", SigmaShape::Karras);
  read("use_exponential_sigmas", SigmaShape::Exponential);
  read("use_beta_sigmas", SigmaShape::Beta);
  return shape;
}

std::optional<double> readSigma(const Config& config, const char* field) {
  if (!config.has(field)) return std::nullopt;
  return config.number(field, 0, kLeastSigma, kMostSigma);
}

std::vector<double> shapedSigmas(SigmaShape shape, double smallest, double largest, int64_t steps) {
  if (smallest > largest || (smallest == largest && steps > 1)) {
    throw Error(ErrorCode::InvalidOption, c10::str("scheduler: sigma_min is ", smallest, " and sigma_max ",
                                                   largest, "; sigma_min must be the smaller one"));
  }
  std::vector<double> sigmas;
  for (int64_t i = 0; i < steps; ++i) {
    const double part = steps == 1 ? 0 : static_cast<double>(i) / static_cast<double>(steps - 1);
    const auto between = [&](double from, double to) { return from + part * (to - from); };
    switch (shape) {
      case SigmaShape::Karras:
        sigmas.push_back(std::pow(
            between(std::pow(largest, 1 / kKarrasRho), std::pow(smallest, 1 / kKarrasRho)), kKarrasRho));
        break;
      case SigmaShape::Exponential:
        sigmas.push_back(std::exp(between(std::log(largest), std::log(smallest))));
        break;
      case SigmaShape::Beta:
        sigmas.push_back(smallest + betaQuantile(1 - part, kBetaShape) * (largest - smallest));
        break;
    }
  }
  return sigmas;
}

double shifted(double sigma, double shift) {
  return shift * sigma / (1 + (shift - 1) * sigma);
}

Level preservingLevel(double time, double sigma) {
  const double signal = 1 / std::sqrt(1 + sigma * sigma);
  return {time, signal, sigma * signal};
}

}  // namespace cameo::samplers
