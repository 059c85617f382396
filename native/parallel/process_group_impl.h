#pragma once

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "parallel/interruptible_store.h"
#include "parallel/process_group.h"

namespace cameo::parallel {

struct ProcessGroup::Impl {
  Membership membership;
  c10::intrusive_ptr<InterruptibleStore> store;
  c10::intrusive_ptr<c10d::ProcessGroup> group;
  /// Undefined on a CPU.
  c10::intrusive_ptr<c10d::Backend> nccl;

  Impl(const Membership& membership, c10::Device device);
  ~Impl();
};

}  // namespace cameo::parallel
