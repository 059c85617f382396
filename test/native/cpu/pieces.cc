#include "cpu/pieces.h"

#include <ATen/ATen.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "harness.h"

namespace cameo::test {

namespace {

/// Whoever takes the first of `count` pieces is held up, as by another program on its core, until the others
/// are done: 1 where they are. After a minute it is held up no longer.
Tensors heldUp(const Json& config, const Tensors&) {
  const int64_t count = config.at("count");
  std::atomic<int64_t> done = 0;
  bool others_done = false;
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  cpu::forEachPiece(count, 1, [&](int64_t first, int64_t) {
    if (first == 0) {
      while (done < count - 1 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
      others_done = done == count - 1;
    }
    ++done;
  });
  return {{"done", at::scalar_tensor(done.load())}, {"others", at::scalar_tensor(others_done, at::kFloat)}};
}

}  // namespace

const bool kPiecesRegistered = addProbe("cpu.pieces", heldUp);

}  // namespace cameo::test
