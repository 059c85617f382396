#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cameo::weights {

/// A type of GGML whose numbers lie in blocks, each with scales of its own.
struct BlockType {
  std::string_view name;  // "q4_k"
  int64_t numbers;        // in a block
  int64_t bytes;          // of a block
  /// Gives the numbers of `count` blocks, to the bit as GGML's reference does in fp32.
  void (*decode)(const std::byte* blocks, int64_t count, float* numbers);
};

constexpr int64_t kLargestBlock = 256;  // numbers

/// Of this name; nullptr for one that isn't read.
const BlockType* findBlockType(std::string_view name);

/// Decodes blocks on several threads.
void decodeBlocks(const BlockType& type, const std::byte* blocks, int64_t count, float* numbers);

}  // namespace cameo::weights
