#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace cameo::weights {

/// The name in diffusers' state dict for a name in a file; nullopt for a tensor that carries no weight of the
/// network and is left out (a buffer of indices, another tower of the same file).
using KeyMap = std::function<std::optional<std::string>(std::string_view key)>;

/// UNet, UNetMotionModel, MotionAdapter and VideoMaker files: the names as they are.
std::optional<std::string> unetKey(std::string_view key);
/// Whether a name starts as those of a UNet, with or without motion modules, do.
bool isUNetKey(std::string_view key);
/// AutoencoderKL, of any age: `query`, `key`, `value`, `proj_attn` become `to_q`, `to_k`, `to_v`, `to_out.0`.
std::optional<std::string> vaeKey(std::string_view key);
/// CLIPTextModel with or without the prefix `text_model.`, alone or as a part of a CLIPModel.
std::optional<std::string> clipTextKey(std::string_view key);
/// CLIPVisionModelWithProjection with or without the prefix `vision_model.`, alone or as a part of a
/// CLIPModel.
std::optional<std::string> clipVisionKey(std::string_view key);

}  // namespace cameo::weights
