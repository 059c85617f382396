#pragma once

#include <cmath>

#include "device.h"
#include "group_norm_library.h"

// Group norm over channels-last tensors, bound by memory: x is read twice, y written once. Every thread has
// two neighbouring channels, so that a warp reads 128 bytes in a row. Nothing is summed by atomics: equal
// inputs give equal results.

namespace cameo::cuda {

/// How an image's positions and channels are cut into blocks.
struct GroupNormGrid {
  static constexpr int kThreads = 256, kChannels = 2 * kThreads, kShortestSlab = 16;

  int columns;  // images x blocks of channels
  int slabs, slab_length;

  explicit GroupNormGrid(const CameoGroupNorm& norm)
      : columns(norm.images * tilesOf(norm.channels, kChannels)) {
    const int most = tilesOf(norm.positions, kShortestSlab), enough = tilesOf(4 * kEnoughBlocks, columns);
    slab_length = tilesOf(norm.positions, enough < most ? enough : most);
    slabs = tilesOf(norm.positions, slab_length);
  }
};

/// The two channels and the slab of positions that a thread has.
struct GroupNormPlace {
  int image, channel, first, length;  // of positions

  CAMEO_DEVICE GroupNormPlace(const CameoGroupNorm& norm, const GroupNormGrid& grid) {
    const int blocks = tilesOf(norm.channels, GroupNormGrid::kChannels);
    image = blockColumn() / blocks;
    channel = (blockColumn() % blocks) * GroupNormGrid::kChannels + 2 * threadIndex();
    first = blockRow() * grid.slab_length;
    const int left = norm.positions - first;
    length = left < grid.slab_length ? left : grid.slab_length;
  }

  CAMEO_DEVICE bool isThere(const CameoGroupNorm& norm) const { return channel < norm.channels; }
  /// The first pair's place in x, in pairs; pairs of the next position are C / 2 further on.
  CAMEO_DEVICE int64_t pair(const CameoGroupNorm& norm) const {
    return ((int64_t{image} * norm.positions + first) * norm.channels + channel) / 2;
  }
};

/// Each channel's mean and sum of squared distances from it in each slab, (slabs, N, C, 2).
template <Precision precision>
struct SumSlabs {
  static constexpr int kThreads = GroupNormGrid::kThreads, kBlocksAtOnce = 1, kSharedBytes = 0;

  CameoGroupNorm norm;
  GroupNormGrid grid;

  CAMEO_DEVICE void operator()() const {
    const GroupNormPlace place(norm, grid);
    if (!place.isThere(norm)) return;
    const uint32_t* pairs = static_cast<const uint32_t*>(norm.x) + place.pair(norm);
    const int64_t step = norm.channels / 2;
    // Distances from the first value, so that a mean far from zero costs no digits.
    const float2 pivot = unpack<precision>(pairs[0]);
    float2 sum{0, 0}, squares{0, 0};
    CAMEO_UNROLL_BY(4)
    for (int i = 0; i < place.length; ++i) {
      const float2 x = unpack<precision>(pairs[i * step]);
      const float2 distance{x.x - pivot.x, x.y - pivot.y};
      sum = float2{sum.x + distance.x, sum.y + distance.y};
      squares = float2{squares.x + distance.x * distance.x, squares.y + distance.y * distance.y};
    }
    const float length = static_cast<float>(place.length);
    const float2 mean{sum.x / length, sum.y / length};
    float* to = norm.workspace +
                2 * ((int64_t{blockRow()} * norm.images + place.image) * norm.channels + place.channel);
    to[0] = pivot.x + mean.x;
    to[1] = squares.x - sum.x * mean.x;
    to[2] = pivot.y + mean.y;
    to[3] = squares.y - sum.y * mean.y;
  }
};

/// Merges a group's slabs and channels, a block for each group: y = scale x + shift, (N, C, 2).
template <Precision precision>
struct FinishGroups {
  static constexpr int kThreads = 256, kBlocksAtOnce = 1;
  // Two sums of each warp.
  static constexpr int kSumBytes = kThreads / kWarp * 4, kSharedBytes = 2 * kSumBytes;

  CameoGroupNorm norm;
  GroupNormGrid grid;
  float* coefficients;

  CAMEO_DEVICE void operator()() const {
    const int image = blockColumn(), width = norm.channels / norm.groups, first = blockRow() * width;
    const int parts = grid.slabs * width;
    const float count = static_cast<float>(norm.positions) * static_cast<float>(width);
    float sum = 0;
    for (int i = threadIndex(); i < parts; i += kThreads) sum += part(image, first, i)[0] * lengthOf(i);
    const float mean = sumOfBlock(sum, sharedMemory()) / count;
    float squares = 0;
    for (int i = threadIndex(); i < parts; i += kThreads) {
      const float distance = part(image, first, i)[0] - mean;
      squares += part(image, first, i)[1] + lengthOf(i) * distance * distance;
    }
    const float inverse = 1 / sqrtf(sumOfBlock(squares, sharedMemory() + kSumBytes) / count + norm.eps);
    for (int channel = first + threadIndex(); channel < first + width; channel += kThreads) {
      const float scale = numberOf(norm.weight, channel) * inverse;
      float* to = coefficients + 2 * (int64_t{image} * norm.channels + channel);
      to[0] = scale;
      to[1] = numberOf(norm.bias, channel) - mean * scale;
    }
  }

 private:
  /// Mean and sum of squared distances of the i-th of a group's slabs' channels.
  CAMEO_DEVICE const float* part(int image, int first, int i) const {
    const int width = norm.channels / norm.groups, slab = i / width;
    return norm.workspace + 2 * ((int64_t{slab} * norm.images + image) * norm.channels + first + i % width);
  }
  CAMEO_DEVICE float lengthOf(int i) const {
    const int left = norm.positions - i / (norm.channels / norm.groups) * grid.slab_length;
    return static_cast<float>(left < grid.slab_length ? left : grid.slab_length);
  }
  /// The same in all threads; `sums` is room in shared memory that is used once.
  CAMEO_DEVICE static float sumOfBlock(float value, uint32_t sums) {
    CAMEO_UNROLL
    for (int mask = kWarp / 2; mask > 0; mask /= 2) value += exchange(value, mask);
    if (laneIndex() == 0) storeShared(sums + 4 * warpIndex(), value);
    syncThreads();
    float sum = 0;
    CAMEO_UNROLL
    for (int i = 0; i < kThreads / kWarp; i += 4) {
      const float4 four = loadShared4(sums + 4 * i);
      sum += four.x + four.y + four.z + four.w;
    }
    return sum;
  }
  CAMEO_DEVICE static float numberOf(const void* numbers, int index) {
    const float2 pair = unpack<precision>(static_cast<const uint32_t*>(numbers)[index / 2]);
    return index % 2 == 0 ? pair.x : pair.y;
  }
};

/// y = scale x + shift, and x sigmoid(x) of that where asked for.
template <Precision precision>
struct ApplyNorm {
  static constexpr int kThreads = GroupNormGrid::kThreads, kBlocksAtOnce = 1, kSharedBytes = 0;

  CameoGroupNorm norm;
  GroupNormGrid grid;
  const float* coefficients;

  CAMEO_DEVICE void operator()() const {
    const GroupNormPlace place(norm, grid);
    if (!place.isThere(norm)) return;
    const float* c = coefficients + 2 * (int64_t{place.image} * norm.channels + place.channel);
    const float scale0 = c[0], shift0 = c[1], scale1 = c[2], shift1 = c[3];
    const uint32_t* from = static_cast<const uint32_t*>(norm.x) + place.pair(norm);
    uint32_t* to = static_cast<uint32_t*>(norm.y) + place.pair(norm);
    const int64_t step = norm.channels / 2;
    CAMEO_UNROLL_BY(4)
    for (int i = 0; i < place.length; ++i) {
      const float2 x = unpack<precision>(from[i * step]);
      to[i * step] = pack<precision>(activated(x.x * scale0 + shift0), activated(x.y * scale1 + shift1));
    }
  }

 private:
  CAMEO_DEVICE float activated(float value) const {
    return norm.silu ? value / (1 + powerOf2(-kLog2E * value)) : value;
  }
};

}  // namespace cameo::cuda
