#include "weights/component.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <filesystem>

#include "core/paths.h"
#include "weights/identify.h"
#include "weights/infer_config.h"
#include "weights/names/control.h"
#include "weights/names/ldm_vae.h"
#include "weights/names/motion.h"
#include "weights/open_weights.h"
#include "weights/text.h"

namespace cameo::weights {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kMotionClass = "MotionAdapter";
constexpr const char* kControlClass = "ControlNetModel";
constexpr const char* kSparseControlClass = "SparseControlNetModel";

/// The config beside a file where it is of this class; null where there is none.
json configBeside(const std::string& file, const char* class_name) {
  const json config = readJsonIfThere((fs::path(file).parent_path() / "config.json").string());
  return config.value("_class_name", json()) == class_name ? config : json();
}

/// What a VAE's training leaves beside it: the network that judged it, and averages.
constexpr std::string_view kTrainingLoss = "loss.";
constexpr std::string_view kAverages = "model_ema.";

KeyMap mapOfVae(const TensorSource& source) {
  for (const std::string_view start : {kLdmVae, std::string_view()}) {
    if (!anyStarts(source, c10::str(start, "encoder.down."))) continue;
    return [start = std::string(start),
            names = ldmVaeNames(source, start)](std::string_view key) -> std::optional<std::string> {
      const bool is_weight = key.starts_with(start) && !key.substr(start.size()).starts_with(kTrainingLoss) &&
                             !key.starts_with(kAverages);
      if (!is_weight) return std::nullopt;
      key.remove_prefix(start.size());
      return names.toOurs(key).value_or(std::string(key));
    };
  }
  return vaeKey;
}

/// Throws where a folder's config says another class.
void requireClass(const std::string& folder, const json& config, const std::string& what,
                  const char* class_name) {
  if (config.value("_class_name", json(class_name)) == class_name) return;
  failFormat(folder, c10::str("this is ", describeFolder(folder), "; ", what, " was expected"));
}

}  // namespace

Component openFolder(const std::string& folder, const std::string& what, const KeyMap& map, Weights weights,
                     const char* class_name) {
  const ComponentFolder opened = openComponent(folder, what, "", weights);
  if (class_name != nullptr) requireClass(opened.path, opened.config, what, class_name);
  Component component{opened.path, opened.config, {}};
  if (!opened.weights.empty()) component.layers.push_back({openWeights(opened.weights), map});
  return component;
}

Component openVae(const std::string& path, Weights weights, const char* class_name) {
  if (!isFile(path)) return openFolder(path, "the VAE", vaeKey, weights, class_name);
  return vaeOf(openWeights(path));
}

Component openEitherVae(const std::string& path, Weights weights) {
  const json config = isFile(path) ? json::object() : readJsonIfThere(path + "/config.json");
  const bool is_temporal = config.value("_class_name", json()) == kTemporalVaeClass;
  return openVae(path, weights, is_temporal ? kTemporalVaeClass : kVaeClass);
}

Component vaeOf(const std::shared_ptr<const TensorSource>& source) {
  const Layer layer{source, mapOfVae(*source)};
  if (!anyStarts(*source, "encoder.") && !anyStarts(*source, kLdmVae)) failOtherKind(*source, "a VAE");
  json config = configBeside(source->path, kVaeClass);
  if (config.is_null()) config = inferVaeConfig(layer);
  return {source->path, config, {layer}};
}

Component openMotion(const std::string& path, const json& unet_config, Weights weights) {
  if (!isFile(path)) return openFolder(path, "the motion adapter", unetKey, weights, kMotionClass);
  const auto source = openWeights(path);
  const std::string_view kind = identify(*source).kind;
  const bool is_original = kind == "animatediff-original";
  const Layer layer{source, is_original ? KeyMap(motionKey) : KeyMap(unetKey)};
  if (!is_original && kind != "motion-adapter") failOtherKind(*source, "a file of motion modules");
  json config = configBeside(path, kMotionClass);
  if (config.is_null()) config = inferMotionConfig(layer, unet_config);
  return {path, config, {layer}};
}

Component openControl(const std::string& path, Weights weights) {
  if (!isFile(path)) {
    const std::string what = "the ControlNet";
    Component component = openFolder(path, what, unetKey, weights);
    if (component.config.value("_class_name", json()) != kSparseControlClass) {
      requireClass(path, component.config, what, kControlClass);
    }
    return component;
  }
  const auto source = openWeights(path);
  if (!isControlFile(*source)) failOtherKind(*source, "a ControlNet or SparseCtrl");
  const Layer layer = controlLayer(source);
  json config = configBeside(path, isSparseControlFile(*source) ? kSparseControlClass : kControlClass);
  if (config.is_null()) config = inferControlConfig(layer);
  return {path, config, {layer}};
}

}  // namespace cameo::weights
