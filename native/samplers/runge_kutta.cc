#include "samplers/runge_kutta.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace cameo::samplers {

namespace {

// Dormand and Prince 1980, table 2: where the stages are, what each is made of, and the two results'
// difference.
constexpr size_t kStages = 7;
constexpr std::array<double, kStages> kPlaces{0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1};
constexpr std::array<std::array<double, kStages - 1>, kStages> kStageWeights{
    {{},
     {1. / 5},
     {3. / 40, 9. / 40},
     {44. / 45, -56. / 15, 32. / 9},
     {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
     {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
     {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}}};
constexpr std::array<double, kStages> kErrorWeights{71. / 57600,      0,         -71. / 16695, 71. / 1920,
                                                    -17253. / 339200, 22. / 525, -1. / 40};

constexpr double kFirstLength = 1e-2;  // of the stretch
constexpr double kShortest = 1e-9;
constexpr int64_t kMostTries = 10'000;  // in one stretch
constexpr double kCaution = 0.9, kLeastChange = 0.2, kMostChange = 5;

/// base + length * (the sum of weights times slopes).
State along(const State& base, const std::vector<State>& slopes, const double* weights, double length) {
  State result = base;
  for (size_t i = 0; i < slopes.size(); ++i) {
    if (weights[i] == 0) continue;
    for (size_t part = 0; part < base.size(); ++part) {
      result[part] = result[part] + length * weights[i] * slopes[i][part];
    }
  }
  return result;
}

}  // namespace

double RungeKutta::errorOf(const State& error, const State& before, const State& after) const {
  double sum = 0, count = 0;
  for (size_t part = 0; part < error.size(); ++part) {
    const at::Tensor size = at::maximum(before[part].abs(), after[part].abs());
    const at::Tensor allowed = tolerance_.absolute + tolerance_.relative * size;
    sum += (error[part] / allowed).square().sum(at::kDouble).item<double>();
    count += static_cast<double>(error[part].numel());
  }
  return std::sqrt(sum / count);
}

State RungeKutta::integrate(const Derivative& derivative, State state, double from, double to) {
  const double direction = to < from ? -1 : 1, whole = std::abs(to - from);
  if (whole == 0) return state;
  double done = 0;
  int64_t tried = 0;
  if (length_ == 0) length_ = kFirstLength * whole;
  State first = derivative(from, state);
  while (done < whole) {
    const bool is_last = length_ >= whole - done;
    const double length = is_last ? whole - done : length_, signed_length = direction * length;
    const double place = from + direction * done;
    std::vector<State> slopes{first};
    for (size_t stage = 1; stage < kStages; ++stage) {
      slopes.push_back(derivative(place + kPlaces[stage] * signed_length,
                                  along(state, slopes, kStageWeights[stage].data(), signed_length)));
    }
    slopes.pop_back();
    State after = along(state, slopes, kStageWeights[kStages - 1].data(), signed_length);
    const State last_slope = derivative(place + signed_length, after);
    slopes.push_back(last_slope);
    State nothing;
    for (const at::Tensor& part : state) nothing.push_back(at::zeros_like(part));
    const double error = errorOf(along(nothing, slopes, kErrorWeights.data(), signed_length), state, after);
    if (std::isnan(error) && length < kShortest * whole) return after;  // whose numbers say what is wrong
    if ((!(error <= 1) && length < kShortest * whole) || ++tried > kMostTries) {
      throw Error(ErrorCode::InvalidOption,
                  "scheduler: relative_tolerance and absolute_tolerance can't be kept; allow more");
    }
    const double change =
        std::clamp(kCaution * std::pow(std::max(error, 1e-10), -0.2), kLeastChange, kMostChange);
    if (error <= 1) {
      done = is_last ? whole : done + length;
      state = std::move(after);
      first = last_slope;
      if (!is_last || change < 1) length_ = length * change;
    } else {
      length_ = length * (std::isfinite(change) ? std::min(change, 1.0) : kLeastChange);
    }
  }
  return state;
}

}  // namespace cameo::samplers
