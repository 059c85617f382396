#include <ATen/ATen.h>
#include <sys/mman.h>

#include <algorithm>

#include "fuzz/read.h"
#include "harness.h"
#include "weights/diffusers_folder.h"
#include "weights/inspect.h"
#include "weights/load.h"
#include "weights/lora/subject_adapters.h"
#include "weights/mapped_file.h"
#include "weights/open_weights.h"
#include "weights/safetensors.h"

namespace cameo::test {

namespace {

// JSON comes out as its bytes, because probes only give tensors.
at::Tensor jsonBytes(const Json& json) {
  const std::string text = json.dump();
  return at::tensor(std::vector<uint8_t>(text.begin(), text.end()));
}

// Every tensor of a file, and "" for what else it says.
Tensors read(const Json& config, const Tensors&) {
  const auto source = weights::openWeights(config.at("path"));
  Tensors tensors;
  Json dtypes = Json::object();
  for (const weights::TensorEntry& entry : source->entries) {
    tensors[entry.name] = entry.view();
    dtypes[entry.name] = weights::storedTypeName(entry);
  }
  tensors[""] = jsonBytes({{"format", source->format},
                           {"files", source->files},
                           {"metadata", source->metadata},
                           {"dtypes", dtypes}});
  return tensors;
}

Tensors write(const Json& config, const Tensors& inputs) {
  const std::map<std::string, at::ScalarType> dtypes{{"fp16", at::kHalf}, {"bf16", at::kBFloat16}};
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto& [name, tensor] : inputs) {
    const auto dtype = dtypes.find(config.value("dtype", ""));
    at::Tensor value = dtype == dtypes.end() ? tensor : tensor.to(dtype->second);
    if (config.value("transposed", false)) value = value.t();
    tensors.emplace_back(name, value);
  }
  weights::writeSafetensors(config.at("path"), tensors,
                            config.value("metadata", std::map<std::string, std::string>()));
  return {};
}

weights::KeyMap keyMap(const std::string& name) {
  if (name == "vae") return weights::vaeKey;
  if (name == "clip") return weights::clipTextKey;
  return weights::unetKey;
}

// Loads {"paths", "map", "parameters": {name: shape}}, and cancels before the parameter number "cancelAt".
Tensors loadLayers(const Json& config, const Tensors&) {
  std::vector<weights::Layer> layers;
  for (const std::string path : config.at("paths")) {
    layers.push_back({weights::openWeights(path), keyMap(config.value("map", "unet"))});
  }
  ParameterSet parameters;
  for (const auto& [name, shape] : config.at("parameters").items()) parameters.declare(name, shape);
  Cancellation cancellation;
  std::vector<int64_t> progress;
  const int64_t cancel_at = config.value("cancelAt", -1);
  weights::LoadOptions options;
  options.network = "test network";
  options.dtype = config.value("bf16", false) ? at::kBFloat16 : at::kFloat;
  options.channels_last = config.value("channelsLast", false);
  options.cancellation = &cancellation;
  options.progress = [&](int64_t done, int64_t total) {
    progress.insert(progress.end(), {done, total});
    if (done == cancel_at) cancellation.request();
  };
  const auto coverage = weights::load(parameters, layers, options);
  Tensors values;
  Json strides = Json::object();
  for (const Parameter& parameter : parameters.all()) {
    values[parameter.name] = parameter.value;
    strides[parameter.name] = parameter.value.strides().vec();
  }
  values[""] = jsonBytes({{"coverage", coverage}, {"progress", progress}, {"strides", strides}});
  return values;
}

// What the adapters of {"path"} add to {"parameters": {name: shape}}, which are zeros.
Tensors lora(const Json& config, const Tensors&) {
  ParameterSet parameters;
  for (const auto& [name, shape] : config.at("parameters").items()) {
    Parameter& parameter = parameters.declare(name, shape);
    parameter.value = at::zeros(parameter.shape);
  }
  weights::mergeSubjectLora(parameters, weights::openWeights(config.at("path")), "unet");
  Tensors values;
  for (const Parameter& parameter : parameters.all()) values[parameter.name] = parameter.value;
  return values;
}

Tensors component(const Json& config, const Tensors&) {
  const auto folder = weights::openComponent(config.at("folder"), "the UNet", config.value("variant", ""));
  return {{"", jsonBytes({{"weights", folder.weights}, {"config", folder.config}})}};
}

Tensors inspect(const Json& config, const Tensors&) {
  return {{"", jsonBytes(weights::inspect(config.at("path")))}};
}

// How many of a file's pages the system has in memory, of how many.
Tensors pagesInMemory(const Json& config, const Tensors&) {
  const auto file = weights::MappedFile::open(config.at("path"));
  constexpr uint64_t kPage = 4096;
  std::vector<unsigned char> pages((file->size() + kPage - 1) / kPage);
  ::mincore(const_cast<std::byte*>(file->bytes().data()), file->size(), pages.data());
  const auto there = std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; });
  return {{"", jsonBytes({{"there", there}, {"all", pages.size()}})}};
}

Tensors fuzz(const Json& config, const Tensors&) {
  readInput(config.at("path"));
  return {};
}

}  // namespace

const bool kWeightsRegistered =
    addProbe("weights.read", read) && addProbe("weights.write", write) &&
    addProbe("weights.load", loadLayers) && addProbe("weights.lora", lora) &&
    addProbe("weights.component", component) && addProbe("weights.inspect", inspect) &&
    addProbe("weights.pages_in_memory", pagesInMemory) && addProbe("fuzz.read", fuzz);

}  // namespace cameo::test
