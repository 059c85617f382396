#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>

#include "dist/process_group.h"

namespace cameo::dist {

std::chrono::milliseconds timeoutOf(const Membership& membership);

/// Waits until every process of the run is there. The store that rank 0 serves, by which they can exchange
/// addresses. Throws ErrorCode::Distributed with what is to be changed.
c10::intrusive_ptr<c10d::Store> meet(const Membership& membership);

}  // namespace cameo::dist
