#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cameo::weights {

/// What stands before the text encoder's names in a checkpoint.
inline constexpr std::string_view kLdmText = "cond_stage_model.transformer.";

/// CLIPTextModel's name for one in a checkpoint, with or without `text_model.`; nullopt for what is no text
/// encoder's.
std::optional<std::string> ldmTextKey(std::string_view key);

}  // namespace cameo::weights
