#include "families/network_loader.h"

#include <algorithm>

#include "models/initialize.h"
#include "weights/load.h"
#include "weights/lora/subject_adapters.h"

namespace cameo::families {

using pipeline::Phase;

NetworkLoader::NetworkLoader(pipeline::Pipeline& result, const pipeline::LoadOptions& options,
                             const pipeline::OnProgress& onProgress, const Cancellation& cancellation)
    : result_(result),
      seed_(options.draw_missing),
      check_only_(options.check_only),
      on_progress_(onProgress),
      cancellation_(cancellation) {}

void NetworkLoader::load(const std::string& name, ParameterSet& parameters, c10::ScalarType dtype,
                         std::vector<weights::Layer> layers,
                         const std::function<bool(const std::string&)>& is_drawn) {
  // A GPU's fp32 group norm would copy every tensor back and forth.
  const bool channels_last = result_.device.is_cpu() || dtype != at::kFloat;
  const weights::LoadOptions options{
      .network = name,
      .dtype = dtype,
      .device = result_.home(),
      .channels_last = channels_last,
      .progress = [this](int64_t done, int64_t) { on_progress_({Phase::Load, done_ + done, total_, {}}); },
      .cancellation = &cancellation_,
      .may_miss = is_drawn,
  };
  const auto first_adapter = std::stable_partition(
      layers.begin(), layers.end(), [](const auto& layer) { return !weights::isSubjectLora(*layer.source); });
  const std::vector<weights::Layer> adapters(first_adapter, layers.end());
  layers.erase(first_adapter, layers.end());
  if (check_only_) {
    describe(name, parameters, weights::checkLayers(parameters, layers, options));
    return;
  }
  auto coverage = weights::load(parameters, layers, options);
  // Without a seed position tables are all that may be missing.
  models::initialize(parameters, seed_.value_or(0),
                     {.dtype = dtype, .device = result_.home(), .channels_last = channels_last});
  parameters.join();
  for (const auto& adapter : adapters) {
    coverage.push_back(weights::mergeSubjectLora(parameters, adapter.source, name));
  }
  done_ += static_cast<int64_t>(parameters.all().size());
  describe(name, parameters, coverage);
}

void NetworkLoader::load(const std::string& name, ParameterSet& parameters, c10::ScalarType dtype,
                         const weights::Component& files) {
  const bool drawn = files.layers.empty();
  load(name, parameters, dtype, files.layers, [drawn](const std::string&) { return drawn; });
}

void NetworkLoader::check(const std::string& name, ParameterSet& parameters,
                          const std::vector<weights::Layer>& layers) {
  describe(name, parameters, weights::checkLayers(parameters, layers, {.network = name}));
}

void NetworkLoader::describe(const std::string& name, const ParameterSet& parameters,
                             const std::vector<weights::Coverage>& coverage) {
  result_.description["networks"].push_back(
      {{"name", name}, {"parameters", parameters.numel()}, {"files", coverage}});
}

}  // namespace cameo::families
