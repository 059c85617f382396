#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/cancellation.h"
#include "weights/lora/blocks.h"
#include "weights/lora/file.h"

namespace cameo::weights {

/// A LoRA that was asked for.
struct LoraChoice {
  std::string path;
  double scale = 1;
  std::map<std::string, double> blocks = {};  // see LoraBlocks
};

/// What LoRAs add to which parameters, checked before any weight is changed.
class LoraPlan {
 public:
  /// Opens the files. Throws as `openWeights`, `LoraFile::read` and `LoraBlocks`.
  static LoraPlan make(const std::vector<LoraChoice>& choices, const std::vector<LoraNetwork>& networks);

 private:
  friend class LoraStack;

  struct Term {
    LoraAdapter adapter;
    double scale;
    size_t file;
  };
  struct File {
    LoraChoice choice;
    std::shared_ptr<const TensorSource> source;
    LoraNaming naming;
    std::map<std::string, int64_t> layers;  // how many of each network
  };

  /// The original with all that is added to it, of its type, on the device. Throws
  /// `ErrorCode::WeightsFormat` for numbers that are not finite.
  at::Tensor merged(const std::vector<Term>& terms, const at::Tensor& original, at::Device device) const;
  [[noreturn]] void failInfinite(const std::vector<Term>& terms, at::ScalarType dtype) const;
  nlohmann::json describe() const;

  std::vector<File> files_;
  std::map<Parameter*, std::vector<Term>> terms_;  // without those whose scale is 0
};

/// The LoRAs that are on. It keeps what the parameters that they changed were before, in the host's memory,
/// and nothing where there are none.
class LoraStack {
 public:
  /// Puts these LoRAs in the place of those that are on: each parameter becomes what it was before any, plus
  /// the sum of what they add to it, computed in fp32 and rounded once. Where it throws, the parameters are
  /// as they were: `ErrorCode::OutOfMemory`, `ErrorCode::Aborted` between two parameters, and
  /// `ErrorCode::WeightsFormat` where a weight would not be a finite number.
  void apply(const LoraPlan& plan, const Cancellation& cancellation);

  /// Of the originals.
  int64_t bytes() const;
  /// A list, for `describe()`.
  const nlohmann::json& description() const { return description_; }

 private:
  void requireRoom(const LoraPlan& plan) const;
  void replace(const LoraPlan& plan, const Cancellation& cancellation);
  void takeOff();

  std::map<Parameter*, at::Tensor> originals_;
  nlohmann::json description_ = nlohmann::json::array();
};

}  // namespace cameo::weights
