#include "families/t5_text.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "core/error.h"
#include "pipeline/device_visit.h"
#include "pipeline/encodings.h"
#include "weights/available_memory.h"
#include "weights/t5_keys.h"

namespace cameo::families {

namespace {

using models::T5Encoder, pipeline::PromptTokens, pipeline::SampleRequest;

constexpr const char* kTextEncoder = "text_encoder";

uint64_t weightBytes(const ParameterSet& parameters, c10::ScalarType dtype) {
  return static_cast<uint64_t>(parameters.numel()) * c10::elementSize(dtype);
}

/// Whether the encoder can't be in memory beside the model's other networks.
bool mustBeByBlock(const pipeline::Pipeline& model, T5Encoder& whole) {
  if (model.max_memory) return true;
  const auto available = weights::availableMemory();
  if (!model.device.is_cpu() || !available) return false;
  uint64_t needed = weightBytes(whole.parameters(), model.dtype);
  for (const pipeline::Network& network : model.networks()) {
    needed += weightBytes(network.parameters, network.dtype);
  }
  return needed > *available;
}

void checkTokens(const std::string& name, const PromptTokens& prompt, int64_t length, int64_t vocabulary) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::InvalidOption, name + ": " + what);
  };
  if (static_cast<int64_t>(prompt.ids.size()) != length) {
    refuse(c10::str(prompt.ids.size(), " token ids; this model's text encoder takes ", length));
  }
  if (prompt.count < 1 || prompt.count > length) {
    refuse(c10::str(prompt.count, " of its ", length, " tokens count; it must be 1 to all"));
  }
  if (!prompt.weights.empty()) refuse("this model's text encoder takes no weights of words");
  for (const int32_t id : prompt.ids) {
    if (id >= 0 && id < vocabulary) continue;
    refuse(c10::str("token ", id, " is not one of the ", vocabulary,
                    " that the text encoder has learned; the tokenizer belongs to another text encoder"));
  }
}

/// (n, L): 1 for the tokens that count.
at::Tensor maskOf(const std::vector<PromptTokens>& prompts, int64_t length, c10::Device device) {
  std::vector<int64_t> each;
  for (const PromptTokens& prompt : prompts) each.push_back(prompt.count);
  const at::Tensor counts = at::tensor(each, at::kLong);
  return (at::arange(length).unsqueeze(0) < counts.unsqueeze(1)).to(at::kLong).to(device);
}

/// Reads ahead, or gives back the memory of, what a block has in the file.
template <typename What>
void forEachTensor(const weights::Component& files, int64_t block, const What& what) {
  const weights::KeyMap is_of_block = weights::t5BlockKeys(block);
  for (const weights::TensorEntry& entry : files.layers.front().source->entries) {
    if (is_of_block(entry.name)) what(entry);
  }
}

}  // namespace

T5Text::T5Text(const weights::Component& files, const T5Reading& reading, const pipeline::Pipeline& model)
    : files_(files),
      reading_(reading),
      model_(model),
      config_(models::T5Config::read(Config(files.config, files.path))),
      encoder_(build<T5Encoder>(config_, files)) {
  for (weights::Layer& layer : files_.layers) layer.map = weights::t5Keys(*layer.source);
  by_block_ = !files_.layers.empty() && (reading.by_block || mustBeByBlock(model, *encoder_));
}

pipeline::Network T5Text::network() const {
  return {kTextEncoder, encoder_->parameters(), model_.dtype};
}

void T5Text::load(NetworkLoader& loader) {
  if (!by_block_) {
    loader.load(kTextEncoder, encoder_->parameters(), model_.dtype, files_);
    files_.layers.clear();
    return;
  }
  loader.check(kTextEncoder, encoder_->parameters(), files_.layers);
  encoder_ = std::make_unique<T5Encoder>(config_, T5Encoder::Blocks::Given);
  weights::load(encoder_->parameters(), {{files_.layers.front().source, weights::t5LastNormKey}},
                blockOptions());
}

void T5Text::describe(nlohmann::json& description, const std::string& tokenizer) const {
  description["text"] = true;
  description["textEncoder"] = "t5";
  description["promptCleaning"] = reading_.cleaning;
  description["textPositions"] = reading_.length;
  description["textVocabulary"] = config_.vocab_size;
  description["tokenizer"] = tokenizer;
}

void T5Text::check(const SampleRequest& request) const {
  if (request.prompt_frames.size() != 1) {
    throw Error(ErrorCode::InvalidOption,
                "prompt: this model takes one prompt for the whole film, none that changes over time");
  }
  if (request.clip_skip != 0) {
    throw Error(ErrorCode::InvalidOption,
                "clipSkip: this model reads prompts by T5, not by CLIP; leave it out");
  }
  checkTokens("prompt", request.prompt, reading_.length, config_.vocab_size);
  checkTokens("negativePrompt", request.negative, reading_.length, config_.vocab_size);
}

at::Tensor T5Text::encode(const SampleRequest& request, pipeline::Recorder& recorder) const {
  const auto key = pipeline::EncodingKey().add(request.negative).add(request.prompt);
  at::Tensor both = pipeline::encodedOnce(request, "prompts", key, [&]() -> std::vector<at::Tensor> {
                      return {statesOf({request.negative, request.prompt})};
                    }).front();
  int64_t kept = reading_.length;
  if (reading_.padding == T5Padding::Dropped) kept = request.prompt.count;
  both = both.slice(1, 0, kept);
  recorder.add("prompt_ids", at::tensor(request.prompt.ids, at::kLong).slice(0, 0, kept).unsqueeze(0));
  recorder.add("negative_ids", at::tensor(request.negative.ids, at::kLong).slice(0, 0, kept).unsqueeze(0));
  recorder.add("negative_embeds", both.slice(0, 0, 1).to(at::kFloat));
  recorder.add("prompt_embeds", both.slice(0, 1, 2).to(at::kFloat));
  return both;
}

at::Tensor T5Text::statesOf(const std::vector<PromptTokens>& prompts) const {
  std::vector<at::Tensor> rows;
  for (const PromptTokens& prompt : prompts) {
    checkTokens("prompt", prompt, reading_.length, config_.vocab_size);
    rows.push_back(at::tensor(prompt.ids, at::kLong));
  }
  const at::Tensor ids = at::stack(rows);
  const bool masked = reading_.padding != T5Padding::Seen;
  const at::Tensor mask = masked ? maskOf(prompts, reading_.length, model_.device) : at::Tensor();
  const at::Tensor encoded = (by_block_ ? statesBlockByBlock(ids, mask) : states(ids, mask)).to(model_.dtype);
  return reading_.padding == T5Padding::Zeroed ? encoded * mask.unsqueeze(2).to(encoded.dtype()) : encoded;
}

at::Tensor T5Text::states(const at::Tensor& ids, const at::Tensor& mask) const {
  const pipeline::DeviceVisit visit(encoder_->parameters(), model_.device);
  return encoder_->forward(ids.to(model_.device), mask);
}

at::Tensor T5Text::statesBlockByBlock(const at::Tensor& ids, const at::Tensor& mask) const {
  const pipeline::DeviceVisit visit(encoder_->parameters(), model_.device);
  const weights::TensorEntry& embeddings = weights::t5Embeddings(*files_.layers.front().source);
  at::Tensor embedded = at::embedding(embeddings.view(), ids).to(model_.device, model_.dtype);
  embeddings.release();
  const at::Tensor result = encoder_->forward(embedded, mask, [&](int64_t i) { return openBlock(i); });
  forEachTensor(files_, config_.layers - 1, [](const auto& entry) { entry.release(); });
  return result;
}

std::shared_ptr<const models::T5Block> T5Text::openBlock(int64_t index) const {
  if (index > 0) forEachTensor(files_, index - 1, [](const auto& entry) { entry.release(); });
  auto block = std::make_shared<models::T5BlockAlone>(config_, index);
  weights::load(block->parameters, {{files_.layers.front().source, weights::t5BlockKeys(index)}},
                blockOptions());
  // The disk works while this block computes.
  forEachTensor(files_, index + 1, [](const auto& entry) { entry.prefetch(); });
  return std::shared_ptr<const models::T5Block>(block, &block->block);
}

weights::LoadOptions T5Text::blockOptions() const {
  return {.network = kTextEncoder,
          .dtype = model_.dtype,
          .device = model_.device,
          .cancellation = CancellationScope::active(),
          .borrows = true};
}

}  // namespace cameo::families
