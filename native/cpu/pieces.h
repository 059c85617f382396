#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace cameo::cpu {

/// Calls `body(first, last)` for pieces of [0, count), `length` long at most, on all threads. A thread takes
/// the next piece when it has done one: where another program keeps a core busy, the threads on the other
/// cores take more. at::parallel_for gives every thread an equal share from the start, and then all wait for
/// the slowest.
template <typename Body>
void forEachPiece(int64_t count, int64_t length, const Body& body) {
  const int64_t pieces = (count + length - 1) / length;
  std::atomic<int64_t> next = 0;
  at::parallel_for(0, std::min<int64_t>(pieces, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    for (int64_t piece = next++; piece < pieces; piece = next++) {
      body(piece * length, std::min((piece + 1) * length, count));
    }
  });
}

/// Of `count` equal and short pieces of work, how many a thread takes at a time: at least `least`, and so few
/// that all threads take several.
inline int64_t pieceOf(int64_t count, int64_t least) {
  return std::max(least, count / (8 * at::get_num_threads()));
}

}  // namespace cameo::cpu
