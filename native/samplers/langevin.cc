#include <ATen/ATen.h>

#include <cmath>

#include "samplers/exploding.h"
#include "samplers/makers.h"
#include "samplers/sigmas.h"

namespace cameo::samplers {

namespace {

/// Annealed Langevin dynamics (Song and Ermon 2019, arXiv 1907.05600, algorithm 1): at each of falling sigmas
/// some steps along the score, -eps / sigma, with fresh noise; at the end the clean estimate (arXiv
/// 2011.09468, section 3). `langevin_steps`: at each sigma; `step_size`: of sigma squared.
class Langevin : public Sampler {
 public:
  Langevin(const Config& config, int64_t steps)
      : Sampler(readDiffusionSchedule(config, kUnspaced)),
        inner_steps_(config.integer("langevin_steps", 5, 1, 1000)),
        step_size_(config.number("step_size", 0.2, 1e-6, 2)) {
    const SigmaTable table(schedule());
    for (const double sigma :
         shapedSigmas(SigmaShape::Exponential, table.smallest(), table.largest(), steps)) {
      levels_.push_back(explodingLevel(table.timeOf(sigma), sigma));
    }
  }

  int64_t steps() const override { return std::ssize(levels_); }
  Level level(size_t index) const override { return levels_[index]; }
  double initialScale() const override { return levels_.front().noise; }

  at::Tensor step(const at::Tensor& start, size_t index, const Model& model, const Draw& draw) override {
    const Level level = levels_[index];
    const double size = step_size_ * level.noise * level.noise;
    at::Tensor x = start;
    for (int64_t i = 0; i < inner_steps_; ++i) {
      x = x - size / 2 / level.noise * model(x, level).noise + std::sqrt(size) * draw();
    }
    return index + 1 == levels_.size() ? model(x, level).clean : x;
  }

 private:
  int64_t inner_steps_;
  double step_size_;
  std::vector<Level> levels_;
};

}  // namespace

std::unique_ptr<Sampler> makeLangevin(const Config& config, int64_t steps) {
  return std::make_unique<Langevin>(config, steps);
}

}  // namespace cameo::samplers
