#include "weights/names/ldm_text.h"

#include "weights/key_maps.h"

namespace cameo::weights {

std::optional<std::string> ldmTextKey(std::string_view key) {
  if (!key.starts_with(kLdmText)) return std::nullopt;
  return clipTextKey(key.substr(kLdmText.size()));
}

}  // namespace cameo::weights
