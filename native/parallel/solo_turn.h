#pragma once

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

namespace cameo::parallel {

class ProcessGroup;

/// What rank 0 does alone, such as writing files or making videos, while the others wait for its end, however
/// long that takes. A thread of rank 0's tells them meanwhile that it lives: they give up when that falls
/// silent for the group's timeout. Nothing else may use the group until the turn has ended.
class SoloTurn {
 public:
  /// Every rank makes one at the same place. `group` must outlive it.
  explicit SoloTurn(ProcessGroup& group);
  /// Without `end` on rank 0 the turn failed: the others' `end` throws.
  ~SoloTurn();
  SoloTurn(const SoloTurn&) = delete;
  SoloTurn& operator=(const SoloTurn&) = delete;

  /// On rank 0 once it has done its work; the others wait here for that. Throws as the group's calls.
  void end();

 private:
  void keepTelling();
  void joinThread();

  ProcessGroup& group_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::exception_ptr failure_;  // of the thread
  std::thread thread_;          // on rank 0
};

}  // namespace cameo::parallel
