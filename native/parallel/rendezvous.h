#pragma once

#include <chrono>

#include "parallel/interruptible_store.h"
#include "parallel/process_group.h"

namespace cameo::parallel {

std::chrono::milliseconds timeoutOf(const Membership& membership);

/// Waits until every process of the run is there. The store that rank 0 serves, by which they can exchange
/// addresses. Throws ErrorCode::Distributed with what is to be changed.
c10::intrusive_ptr<InterruptibleStore> meet(const Membership& membership);

}  // namespace cameo::parallel
