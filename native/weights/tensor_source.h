#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weights/ggml_blocks.h"
#include "weights/mapped_file.h"

namespace cameo::weights {

/// Where a tensor lies in a file. Readers have checked that every element is inside the file.
struct TensorEntry {
  std::string name;
  at::ScalarType dtype = at::kFloat;  // of `view()`
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;  // in elements
  std::shared_ptr<const MappedFile> file;
  uint64_t offset = 0;  // of the first element, in bytes from the file's start
  uint64_t span = 0;    // bytes from the first element's start to the last one's end; 0 where there are none
  const BlockType* blocks = nullptr;  // of numbers that are not stored one by one; they are row-major then

  int64_t numel() const;

  /// A view of the file's bytes, which it keeps mapped; a copy where they are not aligned for their dtype or
  /// in blocks, which are decoded to fp32. Writing to it is undefined.
  at::Tensor view() const;
  /// Gives `value`, of as many numbers, these, cast to its dtype. Blocks are decoded piece by piece.
  void copyTo(at::Tensor& value) const;
  /// The number that is so many strides behind the first one. There must be one.
  double numberAt(int64_t place) const;
  void prefetch() const { file->prefetch(offset, span); }
  void release() const { file->release(offset, span); }
};

/// What a weight file, or an index with its shards, contains. Plain data: no tensor is read before `view()`.
struct TensorSource {
  std::string path;
  std::string format;  // "safetensors", "torch zip", "torch legacy", "gguf", "sharded safetensors", ...
  std::vector<std::string> files;  // `path`, or the shards that an index names
  std::map<std::string, std::string> metadata;
  std::vector<TensorEntry> entries;  // names are unique
};

/// Whether a tensor's name starts so.
bool anyStarts(const TensorSource& source, std::string_view start);

/// "fp32", "bf16", "fp16", "fp8 e4m3", "q4_k", "int64", "bool", ...
std::string storedTypeName(const TensorEntry& entry);

/// `(320, 4, 3, 3)`
std::string shapeText(at::IntArrayRef shape);

}  // namespace cameo::weights
