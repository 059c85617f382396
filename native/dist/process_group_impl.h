#pragma once

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>

#include "dist/process_group.h"

namespace cameo::dist {

struct ProcessGroup::Impl {
  Membership membership;
  c10::intrusive_ptr<c10d::ProcessGroup> group;
};

}  // namespace cameo::dist
