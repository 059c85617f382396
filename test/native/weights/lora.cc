#include <ATen/ATen.h>

#include <list>

#include "harness.h"
#include "weights/lora/stack.h"

namespace cameo::test {

namespace {

at::Tensor bytesOf(const Json& json) {
  const std::string text = json.dump();
  return at::tensor(std::vector<uint8_t>(text.begin(), text.end()));
}

std::vector<weights::LoraChoice> choicesOf(const Json& list) {
  std::vector<weights::LoraChoice> choices;
  for (const Json& lora : list) {
    choices.push_back(
        {lora.at("path"), lora.value("scale", 1.0), lora.value("blocks", std::map<std::string, double>())});
  }
  return choices;
}

// Puts the lists of LoRAs in "sets" one after another onto {"parameters": {network: {name: shape}}}, whose
// values are the inputs "network.name", else zeros, in "dtype". After the set number i the parameters are
// "i/network.name"; what it threw is in "errors".
Tensors loraStack(const Json& config, const Tensors& inputs) {
  std::list<ParameterSet> sets;
  std::vector<weights::LoraNetwork> networks;
  const at::ScalarType dtype = config.value("bf16", false) ? at::kBFloat16 : at::kFloat;
  for (const auto& [network, parameters] : config.at("parameters").items()) {
    networks.push_back({network, sets.emplace_back()});
    for (const auto& [name, shape] : parameters.items()) {
      Parameter& parameter = sets.back().declare(name, shape);
      const auto input = inputs.find(network + "." + name);
      parameter.value = input == inputs.end() ? at::zeros(parameter.shape, dtype)
                                              : input->second.to(dtype, false, /*copy=*/true);
    }
  }
  weights::LoraStack stack;
  Tensors values;
  Json errors = Json::array(), bytes = Json::array(), descriptions = Json::array();
  for (size_t i = 0; i < config.at("sets").size(); ++i) {
    errors.push_back(nullptr);
    try {
      stack.apply(weights::LoraPlan::make(choicesOf(config["sets"][i]), networks), {});
    } catch (const Error& error) {
      errors.back() = {{"code", errorCodeName(error.code())}, {"message", error.what()}};
    }
    bytes.push_back(stack.bytes());
    descriptions.push_back(stack.description());
    for (const auto& network : networks) {
      for (const Parameter& parameter : network.parameters.all()) {
        values[std::to_string(i) + "/" + network.name + "." + parameter.name] =
            parameter.value.to(at::kFloat, false, /*copy=*/true);
      }
    }
  }
  values[""] = bytesOf({{"errors", errors}, {"bytes", bytes}, {"descriptions", descriptions}});
  return values;
}

}  // namespace

const bool kLoraRegistered = addProbe("weights.loraStack", loraStack);

}  // namespace cameo::test
