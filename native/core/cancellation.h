#pragma once

#include <atomic>

#include "core/error.h"

namespace cameo {

/// A request's stop flag: set on the JS thread, checked between network evaluations on the pipeline's thread.
class Cancellation {
 public:
  void request() { requested_.store(true, std::memory_order_relaxed); }
  bool requested() const { return requested_.load(std::memory_order_relaxed); }

  /// Throws `ErrorCode::Aborted` once the request was cancelled.
  void check() const {
    if (requested()) throw Error(ErrorCode::Aborted, "the request was aborted");
  }

 private:
  std::atomic<bool> requested_{false};
};

}  // namespace cameo
