#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace cameo::samplers {

/// What is integrated: tensors of any shapes.
using State = std::vector<at::Tensor>;
/// The state's derivative at a place.
using Derivative = std::function<State(double place, const State& state)>;

struct Tolerance {
  double relative = 1e-5;
  double absolute = 1e-5;
};

/// Dormand and Prince's pair of orders 5 and 4, whose steps are as long as their difference allows. Remembers
/// the last step's length from one stretch to the next.
class RungeKutta {
 public:
  explicit RungeKutta(Tolerance tolerance) : tolerance_(tolerance) {}

  /// The state at `to` of that at `from`; NaN where the derivative is. Throws `ErrorCode::InvalidOption`
  /// where the steps would have to become infinitely short, or many.
  State integrate(const Derivative& derivative, State state, double from, double to);

 private:
  double errorOf(const State& error, const State& before, const State& after) const;

  Tolerance tolerance_;
  double length_ = 0;
};

}  // namespace cameo::samplers
