#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "parallel/process_group.h"

namespace cameo::parallel {

/// Connects every process with every other one, over the network interfaces named in GLOO_SOCKET_IFNAME or
/// else over the one that has `own_address`. Its `abort` may be called on any thread and closes the
/// connections: what waits for other processes throws.
c10::intrusive_ptr<c10d::Backend> connectGloo(const c10::intrusive_ptr<c10d::Store>& store,
                                              const Membership& membership, const std::string& own_address);

}  // namespace cameo::parallel
