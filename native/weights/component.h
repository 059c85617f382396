#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "weights/diffusers_folder.h"
#include "weights/load.h"

namespace cameo::weights {

inline constexpr const char *kVaeClass = "AutoencoderKL", *kTemporalVaeClass = "AutoencoderKLTemporalDecoder",
                            *kCogVideoVaeClass = "AutoencoderKLCogVideoX";

/// One network's part of a model's files, in whichever layout.
struct Component {
  std::string path;           // what messages call it: a folder, or the file
  nlohmann::json config;      // an object
  std::vector<Layer> layers;  // one; none where the weights are optional and aren't there
};

/// A network's folder in the diffusers layout, as `openComponent`. Throws `ErrorCode::WeightsFormat` where
/// its config says another class than `class_name`, too.
Component openFolder(const std::string& folder, const std::string& what, const KeyMap& map, Weights weights,
                     const char* class_name = nullptr);

/// A VAE of this class: a folder, or, of AutoencoderKL, a file with diffusers' names or the original ones, a
/// whole checkpoint's among them. Throws `ErrorCode::WeightsFormat`, and `ErrorCode::WeightsMismatch` for a
/// file of another kind.
Component openVae(const std::string& path, Weights weights, const char* class_name = kVaeClass);
/// The same of either class, as the folder's config says.
Component openEitherVae(const std::string& path, Weights weights);
/// The same of a file that is open.
Component vaeOf(const std::shared_ptr<const TensorSource>& source);

/// Motion modules: a folder, or a file with diffusers' names or AnimateDiff's own. A file that has no config
/// beside it has the heads of the base's UNet. Throws as `openVae`.
Component openMotion(const std::string& path, const nlohmann::json& unet_config, Weights weights);

/// A ControlNet or SparseCtrl: a folder, or a file with diffusers' names or the original ones. Throws as
/// `openVae`.
Component openControl(const std::string& path, Weights weights);

}  // namespace cameo::weights
