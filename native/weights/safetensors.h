#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// A file begins with so many bytes that say how long its header is.
constexpr uint64_t kLengthBytes = 8;

/// Reads a safetensors header. Throws `ErrorCode::WeightsFormat` for whatever the public format does not
/// allow.
TensorSource readSafetensors(std::shared_ptr<const MappedFile> file);

/// Writes tensors (any device, any strides) in this order, those of wider dtypes first so that each is
/// aligned. The file appears under its name only when it is
/// whole and on disk. `beforeTensor` is called before each one. Throws `ErrorCode::Checkpoint` where that
/// fails, e.g. on a full disk, and what `beforeTensor` throws.
void writeSafetensors(const std::string& path, const std::vector<std::pair<std::string, at::Tensor>>& tensors,
                      const std::map<std::string, std::string>& metadata = {},
                      const std::function<void()>& beforeTensor = {});

}  // namespace cameo::weights
