#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "families/network_loader.h"
#include "models/t5.h"
#include "pipeline/pipeline.h"

namespace cameo::families {

/// What a family's transformer sees of a prompt's padding.
enum class T5Padding {
  Seen,     // its states, to which and from which all tokens attend
  Zeroed,   // zeros; no token has attended to it
  Dropped,  // nothing: the states end with the prompt's, and the negative prompt's are cut to as many
};

/// How a family reads prompts.
struct T5Reading {
  int64_t length;  // tokens, with the end and padding
  T5Padding padding;
  /// What ts/tokens/cleaning.ts does to a prompt before: "none", "caption", "entities".
  const char* cleaning = "none";
  /// Whether it is read block by block, wherever it would fit.
  bool by_block = false;
};

/// The text half of families that read prompts by T5 or UMT5. Its encoder is in memory as a whole, or, within
/// a budget and where it doesn't fit beside the model's other networks, read from its file block by block
/// whenever a prompt is encoded, each block let go before the next.
class T5Text {
 public:
  /// Of a folder `text_encoder`, for a model that has all its other networks already; it has to outlive this.
  T5Text(const weights::Component& files, const T5Reading& reading, const pipeline::Pipeline& model);

  /// What of it stays in memory.
  pipeline::Network network() const;
  void load(NetworkLoader& loader);
  /// The fields of `PipelineDescription` that are about text.
  void describe(nlohmann::json& description, const std::string& tokenizer) const;
  const models::T5Config& config() const { return config_; }
  /// Of states, and how many tokens a prompt has with its padding.
  c10::ScalarType dtype() const { return model_.dtype; }
  c10::Device device() const { return model_.device; }
  int64_t length() const { return reading_.length; }
  /// How many of a prompt's states say something, the first ones; the others are zeros. `count` of its tokens
  /// are no padding.
  int64_t statesThatSay(int64_t count) const {
    return reading_.padding == T5Padding::Zeroed ? count : reading_.length;
  }

  /// Throws `ErrorCode::InvalidOption` for what it can't read: prompts over time, weights, foreign tokens.
  void check(const pipeline::SampleRequest& request) const;
  /// The states of the negative prompt and of the prompt, (2, L, D), in the model's dtype on its device.
  /// Recorded as `negative_embeds` and `prompt_embeds`, with the prompts' ids.
  at::Tensor encode(const pipeline::SampleRequest& request, pipeline::Recorder& recorder) const;
  /// The states of any prompts, (n, reading's length, D). Throws `ErrorCode::InvalidOption` as `check` does.
  at::Tensor statesOf(const std::vector<pipeline::PromptTokens>& prompts) const;

 private:
  at::Tensor states(const at::Tensor& ids, const at::Tensor& mask) const;
  at::Tensor statesBlockByBlock(const at::Tensor& ids, const at::Tensor& mask) const;
  std::shared_ptr<const models::T5Block> openBlock(int64_t index) const;
  weights::LoadOptions blockOptions() const;

  weights::Component files_;
  T5Reading reading_;
  const pipeline::Pipeline& model_;
  models::T5Config config_;
  bool by_block_;
  std::unique_ptr<models::T5Encoder> encoder_;
};

}  // namespace cameo::families
