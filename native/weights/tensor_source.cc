#include "weights/tensor_source.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cstring>
#include <functional>
#include <numeric>

#include "core/device.h"

namespace cameo::weights {

int64_t TensorEntry::numel() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

at::Tensor TensorEntry::view() const {
  if (numel() == 0) return at::empty(shape, dtype);
  const std::byte* first = file->bytes().data() + offset;
  if (reinterpret_cast<uintptr_t>(first) % c10::elementSize(dtype) != 0) {
    at::Tensor bytes = at::empty({static_cast<int64_t>(span)}, at::kByte);
    std::memcpy(bytes.data_ptr(), first, span);
    return bytes.view(dtype).as_strided(shape, strides);
  }
  return at::from_blob(
      const_cast<std::byte*>(first), shape, strides, [keep = file](void*) {}, at::TensorOptions(dtype));
}

std::string storedDtypeName(at::ScalarType dtype) {
  switch (dtype) {
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
      return dtypeName(dtype);
  }
}

std::string shapeText(at::IntArrayRef shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

}  // namespace cameo::weights
