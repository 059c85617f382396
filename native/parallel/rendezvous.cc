#include "parallel/rendezvous.h"

#include <torch/csrc/distributed/c10d/exception.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "core/error.h"

namespace cameo::parallel {

namespace {

using Store = c10::intrusive_ptr<c10d::Store>;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kAttempt(500);

std::string endpoint(const Membership& membership) {
  return c10::str(membership.address, ":", membership.port);
}

/// What the system said, such as "address already in use", out of c10d's longer account.
std::string systemMessage(const c10::Error& error) {
  static const std::string label = "message: ";
  const std::string text = error.what_without_backtrace();
  const size_t at = text.find(label);
  const std::string message = at == std::string::npos ? text : text.substr(at + label.size());
  return message.substr(0, message.find_first_of("\n."));
}

Store serve(const Membership& membership, const c10d::TCPStoreOptions& options) {
  try {
    return c10::make_intrusive<c10d::TCPStore>(membership.address, options);
  } catch (const c10::DistError& error) {
    throw Error(ErrorCode::Distributed, c10::str("rank 0 cannot listen on port ", membership.port, " (",
                                                 systemMessage(error), "): set MASTER_PORT to a free one"));
  }
}

/// By short attempts, between which it can be cancelled.
Store connect(const Membership& membership, c10d::TCPStoreOptions options, Clock::time_point deadline) {
  options.timeout = kAttempt;
  for (;;) {
    throwIfCancelled();
    try {
      auto store = c10::make_intrusive<c10d::TCPStore>(membership.address, options);
      store->setTimeout(timeoutOf(membership));
      return store;
    } catch (const c10::DistError&) {
      if (Clock::now() < deadline) continue;
      throw Error(
          ErrorCode::Distributed,
          c10::str("rank ", membership.rank, " did not reach rank 0 at ", endpoint(membership), " within ",
                   membership.timeout_seconds, " s: start rank 0, and check MASTER_ADDR and MASTER_PORT"));
    }
  }
}

Store openStore(const Membership& membership, Clock::time_point deadline) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(membership.port);
  options.isServer = membership.rank == 0;
  options.numWorkers = membership.world_size;
  options.waitWorkers = false;  // presence is counted below, with better messages
  options.timeout = timeoutOf(membership);
  return options.isServer ? serve(membership, options) : connect(membership, options, deadline);
}

void checkWorldSize(c10d::Store& store, const Membership& membership) {
  const std::string own = std::to_string(membership.world_size);
  const auto first = store.compareSet("world_size", {}, std::vector<uint8_t>(own.begin(), own.end()));
  const std::string others(first.begin(), first.end());
  if (others == own) return;
  throw Error(ErrorCode::Distributed, c10::str("WORLD_SIZE is ", own, " for rank ", membership.rank, " and ",
                                               others, " for another process: give all the same"));
}

void checkRank(c10d::Store& store, const Membership& membership) {
  if (store.add(c10::str("rank/", membership.rank), 1) == 1) return;
  throw Error(ErrorCode::Distributed, c10::str("two processes at ", endpoint(membership), " have rank ",
                                               membership.rank, ": give each a RANK of its own"));
}

void waitForAll(c10d::Store& store, const Membership& membership, Clock::time_point deadline) {
  if (store.add("present", 1) == membership.world_size) store.set("complete", std::vector<uint8_t>{1});
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  try {
    store.wait({"complete"}, std::max(left, std::chrono::milliseconds(1)));
  } catch (const c10::DistStoreError&) {
    throw Error(ErrorCode::Distributed,
                c10::str("only ", store.add("present", 0), " of ", membership.world_size,
                         " processes came to ", endpoint(membership), " within ", membership.timeout_seconds,
                         " s: start the others with the same MASTER_ADDR, MASTER_PORT and WORLD_SIZE"));
  }
}

}  // namespace

std::chrono::milliseconds timeoutOf(const Membership& membership) {
  return std::chrono::milliseconds(static_cast<int64_t>(membership.timeout_seconds * 1000));
}

c10::intrusive_ptr<InterruptibleStore> meet(const Membership& membership) {
  const auto deadline = Clock::now() + timeoutOf(membership);
  auto store = c10::make_intrusive<InterruptibleStore>(openStore(membership, deadline));
  const Interruptible interruptible([&] { store->interrupt(); });
  checkWorldSize(*store, membership);
  checkRank(*store, membership);
  waitForAll(*store, membership, deadline);
  return store;
}

}  // namespace cameo::parallel
