#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <utility>

#include "core/error.h"

namespace cameo {

/// A request's stop flag: set on the JS thread, checked on the thread that works for the request.
class Cancellation {
 public:
  /// What a cancelled request fails with.
  static Error error() { return Error(ErrorCode::Aborted, "the request was aborted"); }

  void request() {
    requested_.store(true);
    const std::lock_guard lock(mutex_);
    if (interrupt_) interrupt_();
  }
  bool requested() const { return requested_.load(std::memory_order_relaxed); }

  /// Throws `ErrorCode::Aborted` once the request was cancelled.
  void check() const {
    if (requested()) throw error();
  }

 private:
  friend class Interruptible;

  std::atomic<bool> requested_{false};
  mutable std::mutex mutex_;
  mutable std::function<void()> interrupt_;  // see Interruptible
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

  /// This thread's flag; null where it has none.
  static const Cancellation* active() { return current(); }

 private:
  friend class Interruptible;
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

/// For calls that block and can't check the flag, such as those that wait for other processes: while it
/// lives, cancelling what this thread works for also calls `interrupt`, on the thread that cancels. Where
/// that has happened already, it is called here.
class Interruptible {
 public:
  explicit Interruptible(std::function<void()> interrupt) : cancellation_(CancellationScope::current()) {
    if (cancellation_ == nullptr) return;
    const std::lock_guard lock(cancellation_->mutex_);
    outer_ = std::exchange(cancellation_->interrupt_, std::move(interrupt));
    if (cancellation_->requested()) cancellation_->interrupt_();
  }
  ~Interruptible() {
    if (cancellation_ == nullptr) return;
    const std::lock_guard lock(cancellation_->mutex_);
    cancellation_->interrupt_ = std::move(outer_);
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  const Cancellation* cancellation_;
  std::function<void()> outer_;
};

}  // namespace cameo
