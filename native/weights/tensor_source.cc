#include "weights/tensor_source.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <numeric>

#include "core/device.h"

namespace cameo::weights {

namespace {

constexpr int64_t kPiece = 1 << 19;  // numbers, which stay in a cache until they are cast

/// Of the number at this place, or of its block.
const std::byte* bytesAt(const TensorEntry& entry, int64_t place) {
  const std::byte* first = entry.file->bytes().data() + entry.offset;
  if (entry.blocks != nullptr) return first + place / entry.blocks->numbers * entry.blocks->bytes;
  return first + place * static_cast<int64_t>(c10::elementSize(entry.dtype));
}

}  // namespace

int64_t TensorEntry::numel() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

at::Tensor TensorEntry::view() const {
  if (numel() == 0) return at::empty(shape, dtype);
  const std::byte* first = bytesAt(*this, 0);
  if (blocks != nullptr) {
    at::Tensor numbers = at::empty(shape, dtype);
    decodeBlocks(*blocks, first, numel() / blocks->numbers, numbers.mutable_data_ptr<float>());
    return numbers;
  }
  if (reinterpret_cast<uintptr_t>(first) % c10::elementSize(dtype) != 0) {
    at::Tensor bytes = at::empty({static_cast<int64_t>(span)}, at::kByte);
    std::memcpy(bytes.data_ptr(), first, span);
    return bytes.view(dtype).as_strided(shape, strides);
  }
  return at::from_blob(
      const_cast<std::byte*>(first), shape, strides, [keep = file](void*) {}, at::TensorOptions(dtype));
}

void TensorEntry::copyTo(at::Tensor& value) const {
  if (blocks == nullptr || !value.is_contiguous()) {
    value.copy_(view().reshape(value.sizes()));
    return;
  }
  const int64_t count = numel(), step = std::min(kPiece, count);
  const at::Tensor piece = at::empty({step}, at::kFloat);
  const at::Tensor row = value.view({count});
  for (int64_t begin = 0; begin < count; begin += step) {
    const int64_t numbers = std::min(step, count - begin);
    decodeBlocks(*blocks, bytesAt(*this, begin), numbers / blocks->numbers, piece.mutable_data_ptr<float>());
    row.narrow(0, begin, numbers).copy_(piece.narrow(0, 0, numbers));
  }
}

double TensorEntry::numberAt(int64_t place) const {
  if (blocks != nullptr) {
    float numbers[kLargestBlock];
    blocks->decode(bytesAt(*this, place), 1, numbers);
    return numbers[place % blocks->numbers];
  }
  const at::Tensor number = at::empty({1}, at::TensorOptions(dtype));
  std::memcpy(number.data_ptr(), bytesAt(*this, place), c10::elementSize(dtype));
  return number.item<double>();
}

std::string storedTypeName(const TensorEntry& entry) {
  if (entry.blocks != nullptr) return std::string(entry.blocks->name);
  switch (entry.dtype) {
    case at::kFloat8_e4m3fn:
      return "fp8 e4m3";
    case at::kFloat8_e5m2:
      return "fp8 e5m2";
    case at::kDouble:
      return "fp64";
    case at::kLong:
      return "int64";
    case at::kInt:
      return "int32";
    case at::kShort:
      return "int16";
    case at::kChar:
      return "int8";
    case at::kByte:
      return "uint8";
    case at::kBool:
      return "bool";
    default:
      return dtypeName(entry.dtype);
  }
}

std::string shapeText(at::IntArrayRef shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

bool anyStarts(const TensorSource& source, std::string_view start) {
  return std::any_of(source.entries.begin(), source.entries.end(),
                     [&](const TensorEntry& entry) { return entry.name.starts_with(start); });
}

}  // namespace cameo::weights
