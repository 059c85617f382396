#include <ATen/ATen.h>

#include <cmath>
#include <numbers>

#include "samplers/exploding.h"
#include "samplers/makers.h"

namespace cameo::samplers {

namespace {

constexpr size_t kLmsOrder = 4;

/// A linear multistep method of order 4 over sigma (k-diffusion's LMS): the integral of the polynomial
/// through the last slopes.
class Lms : public ExplodingSampler {
 public:
  Lms(const Config& config, int64_t steps)
      : ExplodingSampler(readDiffusionSchedule(config, kLinspace),
                         {.steps = steps, .shape = readSigmaShape(config)}) {}

  at::Tensor step(const at::Tensor& x, size_t index, const Model& model, const Draw&) override {
    const Estimate estimate = model(x, levels()[index]);
    if (levels()[index].noise == levels()[index + 1].noise)
      return x;  // the spacing begins with a timestep twice
    slopes_.push_back((x - estimate.clean) / levels()[index].noise);
    if (slopes_.size() > kLmsOrder) slopes_.erase(slopes_.begin());
    at::Tensor result = x;
    for (size_t back = 0; back < slopes_.size(); ++back) {
      result = result + weightOf(index, back) * slopes_[slopes_.size() - 1 - back];
    }
    return result;
  }

 private:
  /// The integral of the polynomial that is 1 at the sigma `back` steps ago and 0 at the other last ones,
  /// over the step. Two points of Gauss and Legendre's are exact for degree 3.
  double weightOf(size_t index, size_t back) const {
    const double from = levels()[index].noise, to = levels()[index + 1].noise, half = (to - from) / 2;
    double sum = 0;
    for (const double place : {-std::numbers::inv_sqrt3, std::numbers::inv_sqrt3}) {
      const double sigma = (from + to) / 2 + half * place;
      double product = 1;
      for (size_t other = 0; other < slopes_.size(); ++other) {
        if (other == back) continue;
        const double there = levels()[index - other].noise;
        product *= (sigma - there) / (levels()[index - back].noise - there);
      }
      sum += product;
    }
    return half * sum;
  }

  std::vector<at::Tensor> slopes_;  // at most 4, the last one last
};

}  // namespace

std::unique_ptr<Sampler> makeLms(const Config& config, int64_t steps) {
  return std::make_unique<Lms>(config, steps);
}

}  // namespace cameo::samplers
