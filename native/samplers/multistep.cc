#include "samplers/multistep.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "samplers/timesteps.h"

namespace cameo::samplers {

namespace {

constexpr double kAlmostOne = 1e-6;  // sigma stays this far from pure noise, whose signal is 0

struct Sigmas {
  std::vector<double> values;
  std::vector<double> times;
};

double whole(double time) {
  return std::trunc(time);  // PyTorch's conversion to integers
}

/// The sigma of step `i`, as Wan's authors spread them before the shift: from noise alone, or from the first
/// of the trained ones, which are 1 / T apart.
double releasedSigma(int64_t i, int64_t steps, double T, bool from_noise) {
  const double first = from_noise ? 1 : static_cast<float>(1 - 1 / T);
  // In this order, as numpy's linspace: times are cut to whole numbers.
  return static_cast<double>(i) * (-first / static_cast<double>(steps)) + first;
}

/// The sigma of step `i` between 1 and the last trained one, as numpy's linspace has it: times are cut to
/// whole numbers.
double spreadSigma(int64_t i, int64_t steps, double T) {
  const double last = 1 / T;
  return i == steps ? last : static_cast<double>(i) * ((last - 1) / static_cast<double>(steps)) + 1;
}

Sigmas flowSigmas(const Config& config, double T, int64_t steps, const MultistepRules& rules) {
  const bool released = config.boolean("released_flow_sigmas", false);
  const double flow_shift = config.number("flow_shift", 1, kLeastShift, kMostShift);
  const double shift = config.number("shift", flow_shift, kLeastShift, kMostShift);
  const double terminal = config.number("shift_terminal", 0, 0, 0.99);
  Sigmas sigmas;
  for (int64_t i = 0; i < steps; ++i) {
    const double sigma = released              ? releasedSigma(i, steps, T, rules.takes_pure_noise)
                         : rules.flow_from_one ? spreadSigma(i, steps, T)
                                               : 1 - spreadSigma(steps - i, steps, T);
    sigmas.values.push_back(shifted(sigma, shift));
  }
  if (terminal != 0) {
    if (sigmas.values.back() >= 1) config.fail("shift_terminal", "it needs 2 steps or more");
    const double stretch = (1 - sigmas.values.back()) / (1 - terminal);
    for (double& sigma : sigmas.values) sigma = 1 - (1 - sigma) / stretch;
  }
  if (!released && sigmas.values.front() > 1 - kAlmostOne) sigmas.values.front() = 1 - kAlmostOne;
  for (const double sigma : sigmas.values) sigmas.times.push_back(whole(sigma * T));
  return sigmas;
}

Sigmas shapedOverAll(const Config& config, const SigmaTable& table, SigmaShape shape, int64_t steps,
                     bool rounded) {
  const double smallest = readSigma(config, "sigma_min").value_or(table.smallest());
  const double largest = readSigma(config, "sigma_max").value_or(table.largest());
  Sigmas sigmas{shapedSigmas(shape, smallest, largest, steps), {}};
  for (const double sigma : sigmas.values) {
    const double time = table.timeOf(sigma);
    sigmas.times.push_back(whole(shape == SigmaShape::Karras && rounded ? std::nearbyint(time) : time));
  }
  return sigmas;
}

/// Evenly spaced in log sigma (arXiv 2206.00927's successor by Lu): exponential sigmas with rounded times.
Sigmas luSigmas(const SigmaTable& table, int64_t steps, bool rounded) {
  Sigmas sigmas{shapedSigmas(SigmaShape::Exponential, table.smallest(), table.largest(), steps), {}};
  for (const double sigma : sigmas.values) {
    const double time = table.timeOf(sigma);
    sigmas.times.push_back(whole(rounded ? std::nearbyint(time) : time));
  }
  return sigmas;
}

Sigmas trainedSigmas(const Config& config, const ScheduleConfig& schedule, const SigmaTable& table,
                     int64_t steps, int64_t last) {
  if (last < schedule.train_timesteps && last <= steps) {
    config.fail("lambda_min_clipped", c10::str("it leaves ", last, " timesteps for ", steps, " steps"));
  }
  Sigmas sigmas;
  for (const int64_t timestep : innerTimesteps(schedule, steps, last)) {
    sigmas.times.push_back(static_cast<double>(timestep));
    sigmas.values.push_back(table.at(sigmas.times.back()));
  }
  return sigmas;
}

/// Python's text for minus infinity, or a number.
double readLambdaMin(const Config& config) {
  const char* field = "lambda_min_clipped";
  const double none = -std::numeric_limits<double>::infinity();
  if (config.has(field) && config.value(field) == "-Infinity") return none;
  return config.number(field, none);
}

/// Solvers divide by what lies between the levels of which they remember values. The last step's may be none,
/// and the first level noise alone where a solver takes that.
void requireRisingSnr(const std::vector<Level>& levels, bool may_begin_with_noise) {
  for (size_t i = 0; i + 1 < levels.size(); ++i) {
    const bool rises = i == 0 || logSnr(levels[i]) > logSnr(levels[i - 1]);
    const bool is_finite = std::isfinite(logSnr(levels[i])) || (i == 0 && may_begin_with_noise);
    if (rises && levels[i].noise > 0 && is_finite) continue;
    throw Error(
        ErrorCode::InvalidOption,
        c10::str(
            "steps: ", levels.size() - 1,
            " is not allowed; with this scheduler's timesteps two of them would have the same noise: take "
            "fewer, or another spacing"));
  }
}

}  // namespace

ScheduleConfig readMultistepSchedule(const Config& config) {
  ScheduleConfig schedule = ScheduleConfig::read(config, kLinspace);
  const bool is_flow = config.boolean("use_flow_sigmas", false);
  if (is_flow != (schedule.prediction == Prediction::Flow)) {
    config.fail("prediction_type", "flow_prediction goes with use_flow_sigmas, and with it alone");
  }
  return schedule;
}

std::vector<Level> multistepLevels(const Config& config, const NoiseSchedule& schedule, int64_t steps,
                                   const MultistepRules& rules) {
  const SigmaTable table(schedule);
  const ScheduleConfig& trained = schedule.config();
  const bool is_flow = trained.prediction == Prediction::Flow;
  const std::optional<SigmaShape> shape = readSigmaShape(config);
  const bool rounded = !rules.fractional_cosine_times || trained.beta_schedule != "squaredcos_cap_v2";
  const bool lu = rules.lu_lambdas && config.boolean("use_lu_lambdas", false);
  const int64_t last =
      rules.lambda_clipped ? table.countFrom(readLambdaMin(config)) : trained.train_timesteps;
  config.requireUnset("use_dynamic_shifting");

  Sigmas sigmas;
  if (shape && is_flow) config.fail("use_flow_sigmas", "flow's sigmas can't have another shape as well");
  if (shape) {
    sigmas = shapedOverAll(config, table, *shape, steps, rounded);
  } else if (lu) {
    sigmas = luSigmas(table, steps, rounded);
  } else if (is_flow) {
    sigmas = flowSigmas(config, static_cast<double>(trained.train_timesteps), steps, rules);
  } else {
    sigmas = trainedSigmas(config, trained, table, steps, last);
  }
  const bool at_smallest = !rules.final_choice || readEndsAtSmallest(config);
  const bool own = rules.shaped_end_at_own_smallest && (shape || is_flow);
  const double last_sigma = sigmas.values.back();
  const double end = !at_smallest ? 0 : own ? last_sigma : std::min(last_sigma, table.smallest());

  std::vector<Level> levels;
  const auto add = [&](double time, double exact) {
    const double sigma = static_cast<float>(exact);  // as diffusers keeps them
    levels.push_back(is_flow ? flowLevel(time, sigma) : preservingLevel(time, sigma));
  };
  for (size_t i = 0; i < sigmas.values.size(); ++i) add(sigmas.times[i], sigmas.values[i]);
  add(0, end);
  requireRisingSnr(levels, rules.takes_pure_noise);
  return levels;
}

void History::remember(at::Tensor value, const Level& level) {
  if (entries_.size() == most_) entries_.erase(entries_.begin());
  entries_.push_back({std::move(value), samplers::logSnr(level)});
}

ExponentialStep exponentialStep(const Level& from, const Level& to, bool of_clean) {
  const double change = logSnr(to) - logSnr(from);
  if (of_clean) return {to.noise / from.noise, to.signal, -change};
  return {to.signal / from.signal, to.noise, change};
}

bool isNearEnd(size_t step, int64_t steps, int64_t last) {
  return static_cast<int64_t>(step) >= steps - last;
}

}  // namespace cameo::samplers
