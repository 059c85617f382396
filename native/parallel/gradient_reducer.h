#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

namespace cameo::parallel {

class ProcessGroup;

/// Averages gradients over the ranks while the backward pass runs: libtorch's own Reducer, the one in
/// PyTorch's DistributedDataParallel (arXiv 2006.15704).
class GradientReducer {
 public:
  /// `leaves`: fp32 leaves that require gradients, the same ones in the same order on every rank. Throws
  /// ErrorCode::Distributed where the ranks' leaves differ in number or shape. `group` must outlive this.
  GradientReducer(ProcessGroup& group, std::vector<at::Tensor> leaves);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Makes the next backward pass from `loss` a collective call: when it ends, every leaf's gradient is the
  /// mean over the ranks of what it accumulated since it was last reset. A backward pass without it only adds
  /// to this rank's own gradients. A leaf that `loss` does not depend on counts as one whose gradient is zero
  /// here; where that holds on all ranks, it has no gradient. Call it inside the same
  /// ProcessGroup::translateErrors as `loss.backward()`.
  void prepare(const at::Tensor& loss);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cameo::parallel
