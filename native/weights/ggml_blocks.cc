#include "weights/ggml_blocks.h"

#include <ATen/Parallel.h>
#include <c10/util/Half.h>

#include <array>
#include <cstring>

namespace cameo::weights {

namespace {

constexpr int kSmall = 32;             // numbers of a block
constexpr int kLarge = kLargestBlock;  // of one of the "k" types
constexpr int kPart = 16;              // numbers of a large block that have one scale, or 32
constexpr int kPackedScales = 12;      // bytes of q3_k's, q4_k's and q5_k's scales

float halfAt(const uint8_t* bytes) {
  uint16_t bits = 0;
  std::memcpy(&bits, bytes, sizeof bits);
  return c10::detail::fp16_ieee_to_fp32_value(bits);
}

/// The bytes of half of the numbers have their lower four bits, and above them those of the other half. The
/// fifth bits follow one another.
template <bool kHasMinimum, bool kHasFifthBit>
void decodeSmall(const uint8_t* block, float* numbers) {
  const float scale = halfAt(block);
  block += sizeof(c10::Half);
  const float minimum = kHasMinimum ? halfAt(block) : 0;
  if (kHasMinimum) block += sizeof(c10::Half);
  uint32_t fifth = 0;
  if (kHasFifthBit) {
    std::memcpy(&fifth, block, sizeof fifth);
    block += sizeof fifth;
  }
  constexpr int kZero = kHasMinimum ? 0 : kHasFifthBit ? 16 : 8;
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < kSmall / 2; ++i) {
      int value = block[i] >> (4 * half) & 15;
      if (kHasFifthBit) value |= (fifth >> (kSmall / 2 * half + i) & 1) << 4;
      const float scaled = scale * static_cast<float>(value - kZero);
      *numbers++ = kHasMinimum ? scaled + minimum : scaled;
    }
  }
}

void decodeQ8(const uint8_t* block, float* numbers) {
  const float scale = halfAt(block);
  const auto* values = reinterpret_cast<const int8_t*>(block + sizeof(c10::Half));
  for (int i = 0; i < kSmall; ++i) numbers[i] = static_cast<float>(values[i]) * scale;
}

/// Scales and minimums of four bits, two bits a number, the scales' scale, the minimums'.
void decodeQ2K(const uint8_t* block, float* numbers) {
  const uint8_t* scales = block;
  const uint8_t* values = block + kLarge / kPart;
  const uint8_t* halves = values + kLarge / 4;
  const float scale = halfAt(halves), minimum = halfAt(halves + sizeof(c10::Half));
  for (int part = 0; part < kLarge / kPart; ++part, numbers += kPart) {
    const uint8_t* lane = values + part / 8 * 32 + part % 2 * kPart;
    const int shift = part % 8 / 2 * 2;
    const float by = scale * static_cast<float>(scales[part] & 15);
    const float less = minimum * static_cast<float>(scales[part] >> 4);
    for (int i = 0; i < kPart; ++i) numbers[i] = by * static_cast<float>(lane[i] >> shift & 3) - less;
  }
}

/// The third bits, where 0 is -4; two bits a number; sixteen scales of six bits; their scale.
void decodeQ3K(const uint8_t* block, float* numbers) {
  const uint8_t* thirds = block;
  const uint8_t* values = block + kLarge / 8;
  const uint8_t* scales = values + kLarge / 4;
  const float scale = halfAt(scales + kPackedScales);
  for (int part = 0; part < kLarge / kPart; ++part, numbers += kPart) {
    const int low = scales[part % 8] >> (part / 8 * 4) & 15;
    const int high = scales[8 + part % 4] >> (part / 4 * 2) & 3;
    const float by = scale * static_cast<float>((low | high << 4) - 32);
    const uint8_t* lane = values + part / 8 * 32 + part % 2 * kPart;
    const uint8_t* third = thirds + part % 2 * kPart;
    const int shift = part % 8 / 2 * 2, bit = part / 2;
    for (int i = 0; i < kPart; ++i) {
      numbers[i] = by * static_cast<float>((lane[i] >> shift & 3) - 4 + (third[i] >> bit & 1) * 4);
    }
  }
}

/// Eight scales and eight minimums of six bits: four of either in the lower bits of four bytes; the other
/// four have their lower bits in the last four bytes, their upper ones above the first ones'.
struct SixBits {
  int scale;
  int minimum;
};

SixBits sixBitsAt(const uint8_t* packed, int index) {
  if (index < 4) return {packed[index] & 63, packed[index + 4] & 63};
  const uint8_t low = packed[index + 4];
  return {(low & 15) | packed[index - 4] >> 6 << 4, low >> 4 | packed[index] >> 6 << 4};
}

/// The scales' scale, the minimums', both packed, q5_k's fifth bits, four bits a number.
template <bool kHasFifthBit>
void decodeQ45K(const uint8_t* block, float* numbers) {
  const float scale = halfAt(block), minimum = halfAt(block + sizeof(c10::Half));
  const uint8_t* packed = block + 2 * sizeof(c10::Half);
  const uint8_t* fifths = packed + kPackedScales;
  const uint8_t* values = fifths + (kHasFifthBit ? kLarge / 8 : 0);
  for (int part = 0; part < 8; ++part, numbers += 32) {
    const SixBits bits = sixBitsAt(packed, part);
    const float by = scale * static_cast<float>(bits.scale);
    const float less = minimum * static_cast<float>(bits.minimum);
    const uint8_t* lane = values + part / 2 * 32;
    const int shift = part % 2 * 4;
    for (int i = 0; i < 32; ++i) {
      int value = lane[i] >> shift & 15;
      if (kHasFifthBit) value |= (fifths[i] >> part & 1) << 4;
      numbers[i] = by * static_cast<float>(value) - less;
    }
  }
}

/// Four bits a number, two more, sixteen scales of a byte, their scale.
void decodeQ6K(const uint8_t* block, float* numbers) {
  const uint8_t* lows = block;
  const uint8_t* highs = block + kLarge / 2;
  const auto* scales = reinterpret_cast<const int8_t*>(highs + kLarge / 4);
  const float scale = halfAt(highs + kLarge / 4 + kLarge / kPart);
  for (int part = 0; part < kLarge / kPart; ++part, numbers += kPart) {
    const uint8_t* low = lows + part / 8 * 64 + part % 4 * kPart;
    const uint8_t* high = highs + part / 8 * 32 + part % 2 * kPart;
    const int low_shift = part % 8 / 4 * 4, high_shift = part % 8 / 2 * 2;
    const float by = scale * static_cast<float>(scales[part]);
    for (int i = 0; i < kPart; ++i) {
      const int value = (low[i] >> low_shift & 15) | (high[i] >> high_shift & 3) << 4;
      numbers[i] = by * static_cast<float>(value - 32);
    }
  }
}

template <auto kDecode, int64_t kNumbers, int64_t kBytes>
void decodeEach(const std::byte* blocks, int64_t count, float* numbers) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(blocks);
  for (int64_t i = 0; i < count; ++i) kDecode(bytes + i * kBytes, numbers + i * kNumbers);
}

template <auto kDecode, int64_t kNumbers, int64_t kBytes>
constexpr BlockType blockType(std::string_view name) {
  return {name, kNumbers, kBytes, decodeEach<kDecode, kNumbers, kBytes>};
}

constexpr auto kBlockTypes = std::to_array<BlockType>({
    blockType<decodeSmall<false, false>, kSmall, 18>("q4_0"),
    blockType<decodeSmall<true, false>, kSmall, 20>("q4_1"),
    blockType<decodeSmall<false, true>, kSmall, 22>("q5_0"),
    blockType<decodeSmall<true, true>, kSmall, 24>("q5_1"),
    blockType<decodeQ8, kSmall, 34>("q8_0"),
    blockType<decodeQ2K, kLarge, 84>("q2_k"),
    blockType<decodeQ3K, kLarge, 110>("q3_k"),
    blockType<decodeQ45K<false>, kLarge, 144>("q4_k"),
    blockType<decodeQ45K<true>, kLarge, 176>("q5_k"),
    blockType<decodeQ6K, kLarge, 210>("q6_k"),
});

constexpr int64_t kNumbersOfTask = 1 << 15;

}  // namespace

const BlockType* findBlockType(std::string_view name) {
  for (const BlockType& type : kBlockTypes) {
    if (type.name == name) return &type;
  }
  return nullptr;
}

void decodeBlocks(const BlockType& type, const std::byte* blocks, int64_t count, float* numbers) {
  at::parallel_for(0, count, kNumbersOfTask / type.numbers, [&](int64_t begin, int64_t end) {
    type.decode(blocks + begin * type.bytes, end - begin, numbers + begin * type.numbers);
  });
}

}  // namespace cameo::weights
