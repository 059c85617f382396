#include "pipeline/loras.h"

#include <cmath>
#include <utility>

#include "core/config.h"
#include "core/memory_pool.h"

namespace cameo::pipeline {

namespace {

constexpr size_t kMostLoras = 64, kMostBlocks = 256;
constexpr double kLargestScale = 1000;

double readScale(const Config& options, const nlohmann::json& scale) {
  if (scale.is_number() && std::abs(scale.get<double>()) <= kLargestScale) return scale.get<double>();
  options.fail("lora", "scales must be numbers from -1000 to 1000");
}

weights::LoraChoice readLora(const Config& options, const nlohmann::json& lora) {
  const bool has_path = lora.is_object() && lora.contains("path") && lora["path"].is_string();
  if (!has_path) options.fail("lora", "each must have a path");
  weights::LoraChoice choice{.path = lora["path"].get<std::string>()};
  if (lora.contains("scale")) choice.scale = readScale(options, lora["scale"]);
  if (!lora.contains("blocks")) return choice;
  const nlohmann::json& blocks = lora["blocks"];
  if (!blocks.is_object() || blocks.size() > kMostBlocks) {
    options.fail("lora", "blocks must be an object of at most 256 parts with a scale each");
  }
  for (const auto& [part, scale] : blocks.items()) choice.blocks[part] = readScale(options, scale);
  return choice;
}

}  // namespace

std::vector<weights::LoraChoice> readLoras(const Config& options) {
  if (!options.has("lora")) return {};
  const nlohmann::json& list = options.value("lora");
  if (!list.is_array() || list.size() > kMostLoras) options.fail("lora", "it must be a list of at most 64");
  std::vector<weights::LoraChoice> choices;
  for (const nlohmann::json& lora : list) choices.push_back(readLora(options, lora));
  return choices;
}

weights::LoraPlan planLoras(const Pipeline& pipeline, const std::vector<weights::LoraChoice>& loras) {
  if (!loras.empty() && !pipeline.takesLoras()) {
    throw Error(ErrorCode::InvalidOption, "lora: this model takes none; leave it out");
  }
  std::vector<weights::LoraNetwork> networks;
  for (const Network& network : pipeline.networks()) networks.push_back({network.name, network.parameters});
  return weights::LoraPlan::make(loras, networks);
}

void setLoras(Pipeline& pipeline, const weights::LoraPlan& plan, const Cancellation& cancellation) {
  const MemoryPool::Scope pooled;
  pipeline.encodings->clear();
  pipeline.loras.apply(plan, cancellation);
  pipeline.description["loras"] = pipeline.loras.description();
}

void changeLoras(Pipeline& pipeline, const std::vector<weights::LoraChoice>& loras,
                 const Cancellation& cancellation) {
  std::vector<std::pair<Pipeline*, weights::LoraPlan>> changes;
  changes.emplace_back(&pipeline, planLoras(pipeline, loras));
  for (const auto& copy : pipeline.copies) changes.emplace_back(copy.get(), planLoras(*copy, loras));
  for (auto& [model, plan] : changes) setLoras(*model, plan, cancellation);
}

}  // namespace cameo::pipeline
