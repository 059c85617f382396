#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness.h"

namespace cameo::test {

/// One way to compute something, the same every time: its results by name.
struct Form {
  std::string name;
  std::function<Tensors()> compute;
};

/// How often forms are measured, and whether against fp64.
struct Measurement {
  int64_t repeats;
  bool with_errors;

  explicit Measurement(const Json& config);
};

/// Every form once to warm up, then all of them in turn, `repeats` times. Gives "seconds.<form>" (repeats)
/// and, with errors, "error.<form>.<result>": the largest difference from what `exact` computes, as a part of
/// its largest value. `exact` may give more than a form does.
Tensors measure(const std::vector<Form>& forms, const std::function<Tensors()>& exact,
                const Measurement& measurement);

/// Normal numbers, one tensor after another from a seed. Draw outside of inference mode what takes gradients.
class Draw {
 public:
  explicit Draw(const Json& config);
  at::Tensor operator()(at::IntArrayRef shape, double deviation = 1);

 private:
  at::Generator generator_;
};

/// (N, C, H, W), as the networks have images on CPUs.
at::Tensor channelsLast(const at::Tensor& x);

}  // namespace cameo::test
