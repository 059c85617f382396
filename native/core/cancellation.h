#pragma once

#include <atomic>

#include "core/error.h"

namespace cameo {

/// A request's stop flag: set on the JS thread, checked on the thread that works for the request.
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

/// Makes a flag the one that `throwIfCancelled` checks on this thread, so that networks, which know nothing
/// of requests, stop within a layer and not only within an evaluation.
class CancellationScope {
 public:
  explicit CancellationScope(const Cancellation& cancellation) : outer_(current()) {
    current() = &cancellation;
  }
  ~CancellationScope() { current() = outer_; }
  CancellationScope(const CancellationScope&) = delete;
  CancellationScope& operator=(const CancellationScope&) = delete;

 private:
  friend void throwIfCancelled();
  static const Cancellation*& current() {
    static thread_local const Cancellation* flag = nullptr;
    return flag;
  }

  const Cancellation* outer_;
};

inline void throwIfCancelled() {
  if (CancellationScope::current() != nullptr) CancellationScope::current()->check();
}

}  // namespace cameo
