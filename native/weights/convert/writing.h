#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "weights/convert/convert.h"
#include "weights/load.h"

namespace cameo::weights {

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// What one conversion writes: its files, with a count of tensors over all of them.
class Writing {
 public:
  Writing(const OnTensor& onTensor, const Cancellation& cancellation)
      : on_tensor_(onTensor), cancellation_(cancellation) {}

  void expect(size_t tensors) { total_ += static_cast<int64_t>(tensors); }
  /// Tensors of the files' own types, as their bytes are.
  void weights(const std::string& path, const NamedTensors& tensors,
               std::map<std::string, std::string> metadata);
  void json(const std::string& path, const nlohmann::json& content);
  const std::vector<std::string>& files() const { return files_; }

 private:
  const OnTensor& on_tensor_;
  const Cancellation& cancellation_;
  int64_t done_ = 0;
  int64_t total_ = 0;
  std::vector<std::string> files_;
};

/// A layer's tensors by the network's names; those in blocks as fp32, in memory. Throws
/// `ErrorCode::OutOfMemory` where there isn't enough of it.
NamedTensors tensorsOf(const Layer& layer);

}  // namespace cameo::weights
