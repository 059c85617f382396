#pragma once

namespace cameo::nn {

/// While it lives, this thread computes with libtorch's kernels alone: convolutions and attention without
/// those in cpu/ and cuda/.
class PlainKernels {
 public:
  explicit PlainKernels(bool on = true) : before_(on_) { on_ = on; }
  ~PlainKernels() { on_ = before_; }
  PlainKernels(const PlainKernels&) = delete;
  PlainKernels& operator=(const PlainKernels&) = delete;

  static bool on() { return on_; }

 private:
  static inline thread_local bool on_ = false;
  bool before_;
};

}  // namespace cameo::nn
