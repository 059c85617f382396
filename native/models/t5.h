#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/config.h"
#include "nn/layers.h"
#include "nn/rms_norm.h"

namespace cameo::models {

/// transformers' T5EncoderModel, and UMT5EncoderModel, in which each block has a position bias of its own.
struct T5Config {
  int64_t vocab_size = 32128;
  int64_t model_size = 4096;
  int64_t head_size = 64;
  int64_t hidden_size = 10240;
  int64_t layers = 24;
  int64_t heads = 64;
  int64_t buckets = 32;    // of distances between two tokens
  int64_t farthest = 128;  // from this distance on they are one bucket
  double eps = 1e-6;
  nn::Activation activation = nn::Activation::GeluTanh;
  bool gated = true;
  bool bias_per_block = false;

  bool hasBias(int64_t block) const { return bias_per_block || block == 0; }

  /// Throws `ErrorCode::WeightsFormat`.
  static T5Config read(const Config& config);
};

/// Self-attention without scale, to whose scores a bias by distance is added, and a feed-forward; each after
/// an RMS norm.
class T5Block {
 public:
  /// `scope` is the block's.
  T5Block(const Scope& scope, const T5Config& config, bool has_bias);

  /// By position, (1, heads, tokens, tokens). Only of a block that has a bias.
  at::Tensor bias(int64_t tokens) const;
  /// x (N, L, model_size); `bias` broadcasts to (N, heads, L, L).
  at::Tensor forward(const at::Tensor& x, const at::Tensor& bias) const;

 private:
  at::Tensor attention(const at::Tensor& x, const at::Tensor& bias) const;
  at::Tensor feedForward(const at::Tensor& x) const;

  T5Config config_;
  const Parameter* bias_;  // (buckets, heads), or null
  nn::Linear q_, k_, v_, o_;
  nn::RmsNorm attention_norm_;
  nn::Linear wi_;
  std::optional<nn::Linear> linear_;  // what the activation gates
  nn::Linear wo_;
  nn::RmsNorm feed_forward_norm_;
};

/// One block with its parameters, under the names that they have in the whole encoder.
struct T5BlockAlone {
  T5BlockAlone(const T5Config& config, int64_t index);

  ParameterSet parameters;
  T5Block block;
};

/// The encoder of T5 v1.1 (arXiv 1910.10683, 2002.05202) or of UMT5 (arXiv 2304.09151).
class T5Encoder {
 public:
  enum class Blocks { Own, Given };

  /// With `Blocks::Given`, its only parameter is the last norm's.
  explicit T5Encoder(const T5Config& config, Blocks blocks = Blocks::Own);

  /// ids (N, L), int64 -> the states after the last norm, (N, L, model_size). `mask`, (N, L), has 0 for
  /// tokens that none looks at; undefined: all are looked at.
  at::Tensor forward(const at::Tensor& ids, const at::Tensor& mask = {}) const;

  /// The same of tokens' embeddings, (N, L, model_size), with blocks that are asked for one by one, each let
  /// go before the next: for memory that holds a few of them (`T5BlockAlone`), not all.
  using GiveBlock = std::function<std::shared_ptr<const T5Block>(int64_t index)>;
  at::Tensor forward(const at::Tensor& embedded, const at::Tensor& mask, const GiveBlock& give) const;

  const T5Config& config() const { return config_; }
  ParameterSet& parameters() { return *parameters_; }

 private:
  T5Config config_;
  std::unique_ptr<ParameterSet> parameters_;
  const Parameter* embedding_;  // null with `Blocks::Given`
  std::vector<T5Block> blocks_;
  nn::RmsNorm final_norm_;
};

}  // namespace cameo::models
