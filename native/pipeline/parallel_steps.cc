#include "pipeline/parallel_steps.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace cameo::pipeline {

namespace {

/// An evaluation of a run.
struct Point {
  Question question;       // as the last round led to it
  at::Tensor evaluated_x;  // of which `output` is; undefined: not evaluated yet
  at::Tensor output;
  double variance = 0;  // of the noise that a stochastic step from the evaluation before would add
};

/// Of ancestral sampling from one level to the next (arXiv 2006.11239, equation 7), on x's scale there.
double stepVariance(const samplers::Level& from, const samplers::Level& to) {
  if (to.noise == 0 || from.noise == 0) return 0;
  const double ratio = to.noise * from.signal / (to.signal * from.noise);
  return to.noise * to.noise * std::max(0.0, 1 - ratio * ratio);
}

class Rounds {
 public:
  Rounds(const MakeSampler& makeSampler, const Start& start, const samplers::Draw& draw,
         const ParallelSteps& how)
      : makeSampler_(makeSampler), start_(start), draw_(draw), how_(how) {}

  /// Walks as far as there are outputs, settles what may be, and leaves a window of questions; whether none
  /// is left.
  bool walkAgain();
  /// Answers that window.
  void evaluate(const EvaluateAll& evaluateAll);

  int64_t settledSteps() const { return settled_steps_; }
  const samplers::Estimate& settledEstimate() const { return settled_estimate_; }
  at::Tensor latents() const { return latents_; }
  std::vector<Question> questions() const;

 private:
  bool walkToWindow();
  samplers::Estimate answer(const Question& question, const samplers::Parameterization& parameterization);
  bool isSettled(const Point& point) const;
  size_t windowEnd() const { return settled_ + static_cast<size_t>(how_.window); }

  const MakeSampler& makeSampler_;
  const Start& start_;
  const samplers::Draw& draw_;
  const ParallelSteps how_;
  std::vector<Point> points_;
  std::vector<at::Tensor> drawn_;
  size_t settled_ = 0;  // points
  int64_t settled_steps_ = 0;
  samplers::Estimate settled_estimate_;

  // Of the last walk.
  size_t next_ = 0;
  samplers::Estimate last_;
  at::Tensor latents_;
};

/// What was not evaluated yet is taken to be what came before it, and at first all is noise.
samplers::Estimate Rounds::answer(const Question& question,
                                  const samplers::Parameterization& parameterization) {
  const size_t index = next_++;
  if (index == points_.size()) points_.emplace_back();
  Point& point = points_[index];
  point.question = question;
  if (index > 0) point.variance = stepVariance(points_[index - 1].question.level, question.level);
  if (point.output.defined()) {
    last_ = samplers::estimate(parameterization, question.x, point.output, question.level);
  } else if (!last_.clean.defined()) {
    last_ = {at::zeros_like(question.x), question.x / question.level.noise};
  }
  if (index < settled_) settled_estimate_ = last_;
  return last_;
}

bool Rounds::isSettled(const Point& point) const {
  if (!point.output.defined()) return false;
  const double moved = (point.question.x - point.evaluated_x).square().mean().item<double>();
  return moved <= how_.tolerance * how_.tolerance * point.variance;
}

/// Whether all steps are settled.
bool Rounds::walkToWindow() {
  const std::unique_ptr<samplers::Sampler> sampler = makeSampler_();
  const samplers::Parameterization parameterization = sampler->parameterization();
  size_t drawn = 0;
  const samplers::Draw draw = [&] {
    if (drawn == drawn_.size()) drawn_.push_back(draw_());
    return drawn_[drawn++];
  };
  next_ = 0;
  last_ = {};
  std::vector<size_t> points_by_step;  // how many there are after each step
  latents_ = walk(
      *sampler, start_, start_.latents, draw,
      [&](const Question& question) { return answer(question, parameterization); },
      [&](int64_t, const at::Tensor&) {
        points_by_step.push_back(next_);
        return next_ < windowEnd();
      });
  while (settled_ < next_ && isSettled(points_[settled_])) ++settled_;
  settled_steps_ = std::count_if(points_by_step.begin(), points_by_step.end(),
                                 [&](size_t points) { return points <= settled_; });
  return settled_steps_ == sampler->steps() - start_.step;
}

bool Rounds::walkAgain() {
  const size_t before = settled_;
  const bool is_done = walkToWindow();
  return is_done || settled_ == before ? is_done : walkToWindow();
}

void Rounds::evaluate(const EvaluateAll& evaluateAll) {
  const size_t end = std::min(windowEnd(), points_.size());
  std::vector<Question> questions;
  for (size_t i = settled_; i < end; ++i) questions.push_back(points_[i].question);
  const std::vector<at::Tensor> outputs = evaluateAll(questions);
  for (size_t i = settled_; i < end; ++i) {
    points_[i].evaluated_x = points_[i].question.x;
    points_[i].output = outputs[i - settled_];
  }
  // All that the first one came from was settled.
  ++settled_;
}

std::vector<Question> Rounds::questions() const {
  std::vector<Question> result;
  for (const Point& point : points_) result.push_back(point.question);
  return result;
}

}  // namespace

ParallelRun walkInParallel(const MakeSampler& makeSampler, const Start& start, const samplers::Draw& draw,
                           const ParallelSteps& how, const EvaluateAll& evaluateAll, const OnRound& onRound) {
  Rounds rounds(makeSampler, start, draw, how);
  ParallelRun run;
  int64_t told = 0;
  const auto tell = [&] {
    if (rounds.settledSteps() == told) return;
    told = rounds.settledSteps();
    onRound(told, rounds.settledEstimate());
  };
  while (!rounds.walkAgain()) {
    tell();
    rounds.evaluate(evaluateAll);
    ++run.rounds;
  }
  tell();
  run.latents = rounds.latents();
  run.questions = rounds.questions();
  return run;
}

}  // namespace cameo::pipeline
