#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weights/module_pattern.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// How strong the adapters of a file are, as the PEFT LoraConfig in its metadata says, where diffusers' files
/// have it
/// (`lora_adapter_metadata`).
class LoraScaling {
 public:
  /// Of the UNet's adapters; none where the file says nothing of them. Throws `ErrorCode::WeightsFormat`,
  /// naming the field, for what merging cannot honour, such as use_dora.
  static std::optional<LoraScaling> read(const TensorSource& source);

  /// What a module's product is multiplied by: alpha / rank, or alpha / sqrt(rank). Throws
  /// `ErrorCode::WeightsFormat` where the metadata say another rank than the tensors have.
  double scaleOf(const std::string& module, int64_t rank) const;

 private:
  using Patterns = std::vector<std::pair<ModulePattern, double>>;

  std::string path_;
  double alpha_ = 8;  // PEFT's default
  std::optional<double> rank_;
  Patterns alphas_;
  Patterns ranks_;
  bool by_root_ = false;
};

}  // namespace cameo::weights
