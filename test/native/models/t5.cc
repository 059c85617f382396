#include "models/t5.h"

#include <ATen/ATen.h>

#include "harness.h"
#include "weights/diffusers_folder.h"
#include "weights/load.h"
#include "weights/open_weights.h"
#include "weights/t5_keys.h"

namespace cameo::test {

namespace {

using models::T5BlockAlone, models::T5Config, models::T5Encoder;

at::Tensor maskOf(const Tensors& in) {
  const auto mask = in.find("mask");
  return mask == in.end() ? at::Tensor() : mask->second;
}

Tensors t5(const Json& config, const Tensors& in) {
  T5Encoder model(T5Config::read(Config(config, "text encoder")));
  assignWeights(model.parameters(), in);
  return {{"last_hidden_state", model.forward(in.at("ids").to(at::kLong), maskOf(in))}};
}

// The encoder of {"folder"}; with "by_block" it holds one block at a time.
Tensors t5Folder(const Json& config, const Tensors& in) {
  const auto folder = weights::openComponent(config.at("folder"), "the text encoder");
  const auto source = weights::openWeights(folder.weights);
  const T5Config t5 = T5Config::read(Config(folder.config, folder.path + "/config.json"));
  const at::Tensor ids = in.at("ids").to(at::kLong);
  const weights::LoadOptions options{.network = "text encoder"};
  if (!config.value("by_block", false)) {
    T5Encoder model(t5);
    weights::load(model.parameters(), {{source, weights::t5Keys(*source)}}, options);
    return {{"last_hidden_state", model.forward(ids, maskOf(in))}};
  }
  T5Encoder model(t5, T5Encoder::Blocks::Given);
  weights::load(model.parameters(), {{source, weights::t5LastNormKey}}, options);
  const at::Tensor embedded = at::embedding(weights::t5Embeddings(*source).view(), ids);
  std::weak_ptr<T5BlockAlone> before;
  const auto give = [&](int64_t i) {
    if (!before.expired()) throw std::runtime_error("the block before is still held");
    auto block = std::make_shared<T5BlockAlone>(t5, i);
    before = block;
    weights::load(block->parameters, {{source, weights::t5BlockKeys(i)}}, options);
    return std::shared_ptr<const models::T5Block>(block, &block->block);
  };
  return {{"last_hidden_state", model.forward(embedded, maskOf(in), give)}};
}

}  // namespace

const bool kT5Registered = addProbe("models.t5", t5) && addProbe("models.t5_folder", t5Folder);

}  // namespace cameo::test
