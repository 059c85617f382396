#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/cancellation.h"

namespace cameo::parallel {

/// A process's place in a run of `world_size` processes; rank 0 listens on `address`:`port`.
struct Membership {
  int64_t rank = 0;
  int64_t world_size = 1;
  std::string address;
  int64_t port = 0;
  /// How long a process waits for the others, when it joins and in each collective call.
  double timeout_seconds = 600;
};

/// The processes of one run. All calls are collective: every rank makes the same ones in the same order, from
/// one thread at a time. Any of them throws ErrorCode::Distributed when another process ended or did not
/// answer within the timeout, and ErrorCode::Aborted when what this thread works for is cancelled; the group
/// is of no use then and can only be destroyed.
class ProcessGroup {
 public:
  /// Meets the other processes of the run: Gloo carries CPU tensors, NCCL those on `device` where it is a
  /// GPU. Throws ErrorCode::Distributed where they do not all come within the timeout, where rank 0 cannot
  /// listen, and where NCCL is not to be had; ErrorCode::Aborted when it is cancelled.
  static std::unique_ptr<ProcessGroup> join(const Membership& membership, c10::Device device);

  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  int64_t rank() const;
  int64_t worldSize() const;
  double timeoutSeconds() const;

  /// Overwrites the tensors with those of rank `root`; shapes and dtypes are the same on every rank.
  void broadcast(const std::vector<at::Tensor>& tensors, int64_t root);
  /// Overwrites the tensors with their sums over the ranks.
  void sum(const std::vector<at::Tensor>& tensors);
  double mean(double value);
  double max(double value);
  /// Whether `value` is true on any rank.
  bool any(bool value);
  void barrier();

  /// Ends the calls that wait for other processes, here and there. May be called on any thread.
  void abort() const;

  /// Runs `work` and throws ErrorCode::Distributed in place of what libtorch throws when other processes
  /// cannot be reached. For work whose collective calls are hidden in it, such as a backward pass under a
  /// GradientReducer; the calls above do it by themselves.
  template <typename Work>
  decltype(auto) translateErrors(Work&& work) const {
    const Interruptible interruptible([this] { abort(); });
    try {
      return std::forward<Work>(work)();
    } catch (...) {
      rethrowTranslated();
    }
  }

 private:
  friend class GradientReducer;
  struct Impl;

  explicit ProcessGroup(std::unique_ptr<Impl> impl);
  /// Within a `catch (...)`.
  [[noreturn]] void rethrowTranslated() const;

  std::unique_ptr<Impl> impl_;
};

}  // namespace cameo::parallel
