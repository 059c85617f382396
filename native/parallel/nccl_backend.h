#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "parallel/process_group.h"

namespace cameo::parallel {

/// Throws ErrorCode::Distributed where the addon has no NCCL.
void requireNccl();

/// NCCL for the run's GPU tensors, out of native/cuda's library, which lies beside the addon where the addon
/// was built with NCCL's headers. Throws ErrorCode::Distributed where it isn't there or does not fit
/// libtorch.
c10::intrusive_ptr<c10d::Backend> connectNccl(const c10::intrusive_ptr<c10d::Store>& store,
                                              const Membership& membership);

}  // namespace cameo::parallel
