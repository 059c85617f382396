#pragma once

#include <condition_variable>
#include <mutex>

#include "core/cancellation.h"

namespace cameo::binding {

/// Between a task that hands frames out and JS, which may take them more slowly: only a few may be on their
/// way, so that a film of any length needs no more memory than these.
class FrameGate {
 public:
  /// Waits until there is room for another frame. Throws where the task is cancelled meanwhile.
  void enter(const Cancellation& cancellation);
  /// JS is done with one.
  void leave();

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  int inside_ = 0;
};

}  // namespace cameo::binding
