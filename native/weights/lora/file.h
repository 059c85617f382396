#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weights/lora/layers.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// What a file adds to a parameter: scale * up * (mid *) down, or scale * a difference, of its shape.
struct LoraAdapter {
  Parameter* parameter = nullptr;
  std::string network;
  const TensorEntry* down = nullptr;        // (rank, in, ...)
  const TensorEntry* up = nullptr;          // (out, rank), and ones
  const TensorEntry* mid = nullptr;         // (rank, rank, kernel...), LyCORIS' Tucker form; null: none
  const TensorEntry* difference = nullptr;  // of the parameter's shape, instead of all these; null: none
  double scale = 1;                         // alpha / rank, or as the file's metadata say
};

/// A file's LoRA for these networks, checked; no tensor is read but the alphas.
struct LoraFile {
  std::shared_ptr<const TensorSource> source;
  LoraNaming naming = LoraNaming::Peft;
  std::vector<LoraAdapter> adapters;  // one for a parameter

  /// Throws `ErrorCode::WeightsMismatch` for layers that the networks haven't got, for other shapes and parts
  /// without their others, with one line that says whose LoRA it seems to be; `ErrorCode::WeightsFormat` for
  /// what is no LoRA, saying what it is, and as `LoraScaling`.
  static LoraFile read(std::shared_ptr<const TensorSource> source, const std::vector<LoraNetwork>& networks);
};

/// What a file has for a layer.
struct LoraParts {
  LoraName name;
  const TensorEntry* down = nullptr;
  const TensorEntry* up = nullptr;
  const TensorEntry* mid = nullptr;
  const TensorEntry* alpha = nullptr;
  const TensorEntry* difference = nullptr;
};

/// By network and layer; what is added to a bias is apart from the rest.
using LoraPartsByLayer = std::map<std::pair<std::string, std::string>, LoraParts>;

/// A file's parts, each layer with both factors, which have a rank. Throws as `LoraFile::read` for what makes
/// it fit no model here, as far as that can be known without one.
LoraPartsByLayer readLoraParts(const TensorSource& source);

/// The number beside a layer's factors; none where there is none. Throws `ErrorCode::WeightsMismatch` for
/// what is not one finite number.
std::optional<double> loraAlphaOf(const TensorSource& source, const LoraParts& parts);

/// What the adapter adds, times the scale, in fp32 on the device; memory of its own.
at::Tensor deltaOf(const LoraAdapter& adapter, double scale, at::Device device);

}  // namespace cameo::weights
