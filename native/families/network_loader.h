#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "pipeline/pipeline.h"
#include "weights/component.h"

namespace cameo::families {

/// Whether a network's folder must have weights: not where training may draw them.
inline weights::Weights neededWeights(const pipeline::LoadOptions& options) {
  return options.draw_missing ? weights::Weights::Optional : weights::Weights::Required;
}

/// Loads networks one after another into `result`, counting parameters over all of them for the progress.
class NetworkLoader {
 public:
  /// All must outlive it.
  NetworkLoader(pipeline::Pipeline& result, const pipeline::LoadOptions& options,
                const pipeline::OnProgress& onProgress, const Cancellation& cancellation);

  void expect(const ParameterSet& parameters) { total_ += static_cast<int64_t>(parameters.all().size()); }

  /// What `is_drawn` says of a name may be missing, and is drawn then. Throws as `weights::load`.
  void load(
      const std::string& name, ParameterSet& parameters, c10::ScalarType dtype,
      std::vector<weights::Layer> layers,
      const std::function<bool(const std::string&)>& is_drawn = [](const std::string&) { return false; });

  /// The same of a network that is drawn where its files have no weights.
  void load(const std::string& name, ParameterSet& parameters, c10::ScalarType dtype,
            const weights::Component& files);

  /// Checks a network that is read later, piece by piece. Throws as `weights::load`.
  void check(const std::string& name, ParameterSet& parameters, const std::vector<weights::Layer>& layers);

 private:
  void describe(const std::string& name, const ParameterSet& parameters,
                const std::vector<weights::Coverage>& coverage);

  pipeline::Pipeline& result_;
  std::optional<uint64_t> seed_;  // of what is drawn; none where everything must be in the files
  bool check_only_;
  const pipeline::OnProgress& on_progress_;
  const Cancellation& cancellation_;
  int64_t done_ = 0;
  int64_t total_ = 0;
};

/// The network of a config. An error of the network's says whose it is.
template <typename Network, typename NetworkConfig>
std::unique_ptr<Network> build(const NetworkConfig& config, const weights::Component& component) {
  try {
    return std::make_unique<Network>(config);
  } catch (const Error& error) {
    throw Error(error.code(), component.path + ": " + error.what());
  }
}

}  // namespace cameo::families
