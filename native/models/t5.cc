#include "models/t5.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "core/cancellation.h"
#include "core/error.h"
#include "core/initial.h"
#include "nn/attention.h"

namespace cameo::models {

namespace {

struct T5Activation {
  nn::Activation activation;
  bool gated;
};

/// transformers takes "gated-gelu" alone for GELU by tanh.
const std::map<std::string, T5Activation> kT5Activations = {
    {"relu", {nn::Activation::Relu, false}},
    {"gelu", {nn::Activation::Gelu, false}},
    {"gelu_new", {nn::Activation::GeluTanh, false}},
    {"silu", {nn::Activation::Silu, false}},
    {"gated-relu", {nn::Activation::Relu, true}},
    {"gated-gelu", {nn::Activation::GeluTanh, true}},
    {"gated-gelu_new", {nn::Activation::GeluTanh, true}},
    {"gated-silu", {nn::Activation::Silu, true}},
};

Scope t5Blocks(ParameterSet& parameters) {
  return Scope(parameters) / "encoder" / "block";
}

/// The bucket of each distance, of half of `buckets` for each direction: near ones have their own, the others
/// share them by the logarithm. (tokens, tokens), int64: queries by keys.
at::Tensor bucketsOfDistances(int64_t tokens, int64_t buckets, int64_t farthest, at::Device device) {
  const at::Tensor positions = at::arange(tokens, at::TensorOptions(at::kLong).device(device));
  const at::Tensor distances = positions.unsqueeze(0) - positions.unsqueeze(1);
  const int64_t half = buckets / 2, near = half / 2;
  const at::Tensor size = distances.abs();
  // In fp32, in this order: at the edges of buckets rounding decides.
  const at::Tensor logarithms = (size.to(at::kFloat) / static_cast<double>(near)).log() /
                                std::log(static_cast<double>(farthest) / static_cast<double>(near)) *
                                static_cast<double>(half - near);
  // Beside 0, whose logarithm is no number, only near ones are below 0.
  const at::Tensor far = logarithms.clamp(0, static_cast<double>(half - near)).to(at::kLong) + near;
  const at::Tensor bucket = at::where(size < near, size, far.clamp_max(half - 1));
  return bucket + (distances > 0).to(at::kLong) * half;
}

/// As transformers' `T5PreTrainedModel._init_weights`: scores are not scaled, queries are instead.
void setT5Initial(ParameterSet& parameters, const T5Config& config) {
  const auto root = [](int64_t size) { return normalInitial(1 / std::sqrt(static_cast<double>(size))); };
  const Initial of_model = root(config.model_size);
  setInitial(parameters, {{"shared.weight", normalInitial(1)},
                          {"SelfAttention.q.weight", root(config.model_size * config.head_size)},
                          {"SelfAttention.k.weight", of_model},
                          {"SelfAttention.v.weight", of_model},
                          {"SelfAttention.o.weight", root(config.heads * config.head_size)},
                          {"relative_attention_bias.weight", of_model},
                          {"DenseReluDense.wi.weight", of_model},
                          {"DenseReluDense.wi_0.weight", of_model},
                          {"DenseReluDense.wi_1.weight", of_model},
                          {"DenseReluDense.wo.weight", root(config.hidden_size)}});
}

/// In fp16 what has become infinite is brought back to what the type can hold.
at::Tensor withinHalf(const at::Tensor& x) {
  if (x.scalar_type() != at::kHalf || !x.isinf().any().item<bool>()) return x;
  const double most = std::numeric_limits<at::Half>::max() - 1000;
  return x.clamp(-most, most);
}

/// The lowest number of the type.
double lowest(at::ScalarType type) {
  if (type == at::kHalf) return std::numeric_limits<at::Half>::lowest();
  if (type == at::kBFloat16) return std::numeric_limits<at::BFloat16>::lowest();
  return std::numeric_limits<float>::lowest();
}

/// `wo` is fp32 where all else is fp16.
at::Tensor linearInOwnType(const nn::Linear& linear, const at::Tensor& x) {
  return linear.forward(x.to(linear.weight()->scalar_type()));
}

}  // namespace

T5Config T5Config::read(const Config& config) {
  const bool is_umt5 = config.oneOf<bool>("model_type", {{"t5", false}, {"umt5", true}}, false);
  T5Config t5;
  t5.vocab_size = config.integer("vocab_size", is_umt5 ? 250112 : 32128);
  t5.model_size = config.integer("d_model", 512);
  t5.head_size = config.integer("d_kv", 64);
  t5.hidden_size = config.integer("d_ff", is_umt5 ? 1024 : 2048);
  t5.layers = config.integer("num_layers", is_umt5 ? 8 : 6, 1, Config::kMostLayers);
  t5.heads = config.integer("num_heads", is_umt5 ? 6 : 8);
  t5.buckets = config.integer("relative_attention_num_buckets", 32, 4, 1 << 12);
  t5.farthest = config.integer("relative_attention_max_distance", 128);
  t5.eps = config.number("layer_norm_epsilon", 1e-6, 0, 1);
  const T5Activation usual = kT5Activations.at(is_umt5 ? "gated-gelu" : "relu");
  const T5Activation activation = config.oneOf("feed_forward_proj", kT5Activations, usual);
  t5.activation = activation.activation;
  t5.gated = activation.gated;
  t5.bias_per_block = is_umt5;
  if (t5.farthest <= t5.buckets / 4) {
    config.fail("relative_attention_max_distance",
                "it must be more than a quarter of relative_attention_num_buckets");
  }
  return t5;
}

T5Block::T5Block(const Scope& scope, const T5Config& config, bool has_bias)
    : config_(config),
      bias_(has_bias ? &(scope / "layer" / 0 / "SelfAttention" / "relative_attention_bias")
                            .parameter("weight", {config.buckets, config.heads})
                     : nullptr),
      q_(scope / "layer" / 0 / "SelfAttention" / "q", config.model_size, config.heads * config.head_size,
         false),
      k_(scope / "layer" / 0 / "SelfAttention" / "k", config.model_size, config.heads * config.head_size,
         false),
      v_(scope / "layer" / 0 / "SelfAttention" / "v", config.model_size, config.heads * config.head_size,
         false),
      o_(scope / "layer" / 0 / "SelfAttention" / "o", config.heads * config.head_size, config.model_size,
         false),
      attention_norm_(scope / "layer" / 0 / "layer_norm", config.model_size, config.eps),
      wi_(scope / "layer" / 1 / "DenseReluDense" / (config.gated ? "wi_0" : "wi"), config.model_size,
          config.hidden_size, false),
      wo_(scope / "layer" / 1 / "DenseReluDense" / "wo", config.hidden_size, config.model_size, false),
      feed_forward_norm_(scope / "layer" / 1 / "layer_norm", config.model_size, config.eps) {
  wo_.weight().not_in_half = true;
  if (config.gated) {
    linear_.emplace(scope / "layer" / 1 / "DenseReluDense" / "wi_1", config.model_size, config.hidden_size,
                    false);
  }
}

at::Tensor T5Block::bias(int64_t tokens) const {
  const at::Tensor& table = **bias_;
  const at::Tensor buckets = bucketsOfDistances(tokens, config_.buckets, config_.farthest, table.device());
  return at::embedding(table, buckets).permute({2, 0, 1}).unsqueeze(0).contiguous();
}

at::Tensor T5Block::attention(const at::Tensor& x, const at::Tensor& bias) const {
  const auto heads = [&](const nn::Linear& linear) {
    return nn::splitHeads(linear.forward(x), config_.heads);
  };
  return o_.forward(nn::mergeHeads(at::scaled_dot_product_attention(
      heads(q_), heads(k_), heads(v_), bias, /*dropout_p=*/0.0, /*is_causal=*/false, /*scale=*/1.0)));
}

at::Tensor T5Block::feedForward(const at::Tensor& x) const {
  at::Tensor hidden = nn::activate(config_.activation, wi_.forward(x));
  if (linear_) hidden = hidden * linear_->forward(x);
  return linearInOwnType(wo_, hidden);
}

at::Tensor T5Block::forward(const at::Tensor& x, const at::Tensor& bias) const {
  const at::Tensor attended = withinHalf(x + attention(attention_norm_.forward(x), bias));
  return withinHalf(attended + feedForward(feed_forward_norm_.forward(attended)));
}

T5BlockAlone::T5BlockAlone(const T5Config& config, int64_t index)
    : block(t5Blocks(parameters) / index, config, config.hasBias(index)) {}

T5Encoder::T5Encoder(const T5Config& config, Blocks blocks)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      embedding_(blocks == Blocks::Given ? nullptr
                                         : &(Scope(*parameters_) / "shared")
                                                .parameter("weight", {config.vocab_size, config.model_size})),
      final_norm_(Scope(*parameters_) / "encoder" / "final_layer_norm", config.model_size, config.eps) {
  if (blocks == Blocks::Given) return;
  blocks_.reserve(config.layers);
  for (int64_t i = 0; i < config.layers; ++i) {
    blocks_.emplace_back(t5Blocks(*parameters_) / i, config, config.hasBias(i));
  }
  setT5Initial(*parameters_, config);
}

at::Tensor T5Encoder::forward(const at::Tensor& ids, const at::Tensor& mask) const {
  return forward(at::embedding(**embedding_, ids), mask, [this](int64_t i) {
    return std::shared_ptr<const T5Block>(std::shared_ptr<void>(), &blocks_.at(i));
  });
}

at::Tensor T5Encoder::forward(const at::Tensor& embedded, const at::Tensor& mask,
                              const GiveBlock& give) const {
  at::Tensor x = embedded, bias;
  for (int64_t i = 0; i < config_.layers; ++i) {
    throwIfCancelled();
    const std::shared_ptr<const T5Block> block = give(i);
    if (config_.hasBias(i)) {
      bias = block->bias(embedded.size(1));
      if (mask.defined()) {
        const at::Tensor hidden = mask.eq(0).unsqueeze(1).unsqueeze(1);
        // Not minus infinity: where all are hidden, all count the same.
        bias = bias.masked_fill(hidden, lowest(bias.scalar_type()));
      }
    }
    x = block->forward(x, bias);
  }
  return final_norm_.forward(x);
}

}  // namespace cameo::models
