#pragma once

#include "device.h"

// Products of 16-bit matrices on tensor cores, out of shared memory. A fragment is what a warp holds of a
// matrix (PTX ISA, "Matrix Fragments for mma.m16n8k16"): of a 16x8 result, lane l has in its four numbers row
// l / 4, columns 2 (l % 4) and the next, and the same columns of row l / 4 + 8. Results of one product become
// the left factor of the next in the registers where they are.

namespace cameo::cuda {

/// Rows of `d` 16-bit numbers in shared memory. The distance between rows is an odd number of 16-byte chunks,
/// so that one column of eight rows lies in eight different groups of banks: loads of matrices meet no
/// conflicts, as with a swizzle, and addresses stay linear in row and chunk.
template <int d>
struct Rows {
  static_assert(d % 8 == 0);
  static constexpr int kChunks = d / 8;
  static constexpr int kPitch = kChunks | 1;
  static constexpr int bytes(int rows) { return rows * kPitch * 16; }

  uint32_t address;

  CAMEO_DEVICE uint32_t at(int row, int chunk) const {
    return address + static_cast<uint32_t>((row * kPitch + chunk) * 16);
  }
  CAMEO_DEVICE Rows from(int row) const { return {at(row, 0)}; }
};

/// Starts the copy of `kRows` rows, of which only the first `there` exist; the others become zeros.
template <int kRows, int kThreads, int d>
CAMEO_DEVICE void copyRows(Rows<d> to, const uint16_t* from, int stride, int there) {
  constexpr int kAll = kRows * Rows<d>::kChunks;
  // The places of all steps at once take registers, of which kernels for heads of 64 and 80 have none left.
  CAMEO_UNROLL_BY(d == 64 || d == 80 ? 2 : kAll)
  for (int first = 0; first < kAll; first += kThreads) {
    const int i = first + threadIndex();
    const int row = i / Rows<d>::kChunks, chunk = i % Rows<d>::kChunks;
    if (first + kThreads <= kAll || i < kAll) {
      copyAsync16(to.at(row, chunk), from + row * stride + chunk * 8, row < there);
    }
  }
}

/// Left factors out of shared memory: fragments of 16 rows by 16 numbers, and by the 8 that may be left.
template <int kRowTiles, int d>
struct SharedFactors {
  Rows<d> rows;

  CAMEO_DEVICE void load(uint32_t (&to)[kRowTiles][4], int step) const {
    CAMEO_UNROLL
    for (int r = 0; r < kRowTiles; ++r) {
      loadMatrices(to[r], rows.at(16 * r + laneIndex() % 16, 2 * step + laneIndex() / 16));
    }
  }
  CAMEO_DEVICE void loadRest(uint32_t (&to)[kRowTiles][2]) const {
    CAMEO_UNROLL
    for (int r = 0; r < kRowTiles; ++r) {
      loadMatrices(to[r], rows.at(16 * r + laneIndex() % 16, d / 8 - 1));
    }
  }
};

/// The same held in registers.
template <int kRowTiles, int d>
struct HeldFactors {
  uint32_t whole[d / 16][kRowTiles][4];
  uint32_t rest[kRowTiles][2];

  CAMEO_DEVICE void read(const SharedFactors<kRowTiles, d>& from) {
    CAMEO_UNROLL
    for (int step = 0; step < d / 16; ++step) from.load(whole[step], step);
    if constexpr (d % 16 != 0) from.loadRest(rest);
  }
  CAMEO_DEVICE void load(uint32_t (&to)[kRowTiles][4], int step) const {
    CAMEO_UNROLL
    for (int i = 0; i < 4 * kRowTiles; ++i) to[i / 4][i % 4] = whole[step][i / 4][i % 4];
  }
  CAMEO_DEVICE void loadRest(uint32_t (&to)[kRowTiles][2]) const {
    CAMEO_UNROLL
    for (int i = 0; i < 2 * kRowTiles; ++i) to[i / 2][i % 2] = rest[i / 2][i % 2];
  }
};

/// c (16 kRowTiles x 8 kTiles) += left right^T, `right` being 8 kTiles rows of d numbers.
template <Precision precision, int kRowTiles, int kTiles, int d, typename Left>
CAMEO_DEVICE void multiplyByTransposed(float (&c)[kRowTiles][kTiles][4], const Left& left, Rows<d> right) {
  static_assert(kTiles % 4 == 0);
  const int lane = laneIndex();
  CAMEO_UNROLL
  for (int step = 0; step < d / 16; ++step) {
    uint32_t a[kRowTiles][4];
    left.load(a, step);
    CAMEO_UNROLL
    for (int tile = 0; tile < kTiles; tile += 2) {
      uint32_t b[4];
      loadMatrices(b, right.at(8 * tile + lane % 8 + lane / 16 * 8, 2 * step + lane / 8 % 2));
      CAMEO_UNROLL
      for (int r = 0; r < kRowTiles; ++r) {
        multiplyAdd<precision>(c[r][tile], a[r], b[0], b[1]);
        multiplyAdd<precision>(c[r][tile + 1], a[r], b[2], b[3]);
      }
    }
  }
  if constexpr (d % 16 != 0) {
    uint32_t a[kRowTiles][2];
    left.loadRest(a);
    CAMEO_UNROLL
    for (int tile = 0; tile < kTiles; tile += 4) {
      uint32_t b[4];
      loadMatrices(b, right.at(8 * tile + lane, d / 8 - 1));
      CAMEO_UNROLL
      for (int i = 0; i < 4 * kRowTiles; ++i)
        multiplyAdd<precision>(c[i / 4][tile + i % 4], a[i / 4], b[i % 4]);
    }
  }
}

/// c (16 kRowTiles x 8 kTiles) += a (16 kRowTiles x 16) right, columns [8 column, 8 (column + kTiles)) of 16
/// rows.
template <Precision precision, int kRowTiles, int kTiles, int d>
CAMEO_DEVICE void multiplyBy(float (&c)[kRowTiles][kTiles][4], const uint32_t (&a)[kRowTiles][4],
                             Rows<d> right, int column) {
  const int lane = laneIndex();
  CAMEO_UNROLL
  for (int tile = 0; tile + 1 < kTiles; tile += 2) {
    uint32_t b[4];
    loadTransposed(b, right.at(lane % 16, column + tile + lane / 16));
    CAMEO_UNROLL
    for (int r = 0; r < kRowTiles; ++r) {
      multiplyAdd<precision>(c[r][tile], a[r], b[0], b[1]);
      multiplyAdd<precision>(c[r][tile + 1], a[r], b[2], b[3]);
    }
  }
  if constexpr (kTiles % 2 != 0) {
    uint32_t b[2];
    loadTransposed(b, right.at(lane % 16, column + kTiles - 1));
    CAMEO_UNROLL
    for (int r = 0; r < kRowTiles; ++r) multiplyAdd<precision>(c[r][kTiles - 1], a[r], b[0], b[1]);
  }
}

/// c (16 kRowTiles x d) += left right: `left` (16 kRowTiles x 8 kTiles) as a product left it, `right` 8
/// kTiles rows.
template <Precision precision, int kRowTiles, int kTiles, int d>
CAMEO_DEVICE void multiplyResultBy(float (&c)[kRowTiles][d / 8][4], const float (&left)[kRowTiles][kTiles][4],
                                   Rows<d> right) {
  static_assert(kTiles % 2 == 0);
  CAMEO_UNROLL
  for (int tile = 0; tile < kTiles; tile += 2) {
    uint32_t a[kRowTiles][4];
    CAMEO_UNROLL
    for (int i = 0; i < 4 * kRowTiles; ++i) {
      const float(&from)[4] = left[i / 4][tile + i % 4 / 2];
      a[i / 4][i % 4] = pack<precision>(from[i % 2 * 2], from[i % 2 * 2 + 1]);
    }
    multiplyBy<precision>(c, a, right.from(8 * tile), 0);
  }
}

template <int kRowTiles, int kTiles>
CAMEO_DEVICE void fill(float (&c)[kRowTiles][kTiles][4], float value) {
  CAMEO_UNROLL
  for (int i = 0; i < kRowTiles * kTiles * 4; ++i) c[i / (kTiles * 4)][i / 4 % kTiles][i % 4] = value;
}

/// Over the four lanes that share a row.
CAMEO_DEVICE float sumOfRow(float value) {
  value += exchange(value, 1);
  return value + exchange(value, 2);
}
CAMEO_DEVICE float largestOfRow(float value) {
  value = larger(value, exchange(value, 1));
  return larger(value, exchange(value, 2));
}

/// Calls `use(tile, stage)` for tiles [0, count) in turn, while `load(tile, stage)` copies the next one into
/// the other of two stages. All threads are done with tile t - 1 when tile t is used.
template <typename Load, typename Use>
CAMEO_DEVICE void forEachTile(int count, const Load& load, const Use& use) {
  load(0, 0);
  CAMEO_NO_UNROLL
  for (int tile = 0; tile < count; ++tile) {
    waitForCopies();
    syncThreads();
    if (tile + 1 < count) load(tile + 1, (tile + 1) % 2);
    use(tile, tile % 2);
  }
}

/// The same for those tiles alone that are `seen`, as all threads agree.
template <typename Seen, typename Load, typename Use>
CAMEO_DEVICE void forEachSeenTile(int count, const Seen& seen, const Load& load, const Use& use) {
  const auto next = [&](int tile) {
    while (tile < count && !seen(tile)) ++tile;
    return tile;
  };
  int tile = next(0), stage = 0;
  if (tile < count) load(tile, 0);
  CAMEO_NO_UNROLL
  while (tile < count) {
    waitForCopies();
    syncThreads();
    const int after = next(tile + 1);
    if (after < count) load(after, 1 - stage);
    use(tile, stage);
    tile = after;
    stage = 1 - stage;
  }
}

}  // namespace cameo::cuda
