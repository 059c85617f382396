#include "weights/names/dynamicrafter.h"

#include <c10/util/StringUtil.h>

#include "weights/names/ip_adapter.h"
#include "weights/names/ldm_unet.h"
#include "weights/names/open_clip.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kOpenText = "cond_stage_model.model.", kOpenVision = "embedder.model.visual.";

bool isOfPicture(std::string_view key) {
  return key.ends_with(".to_k_ip.weight") || key.ends_with(".to_v_ip.weight") ||
         key.ends_with(".attn2.alpha");
}

/// Of the UNet, as the first model's file calls it.
constexpr std::string_view kOldRate = "framestride_embed.", kRate = "fps_embedding.";
constexpr std::string_view kFirstTransformer = "init_attn.0.";

/// A tensor's name in the UNet, whoever it belongs to; none for another network's.
KeyMap unetNames(const TensorSource& source) {
  return [names = ldmUNetKeys(source)](std::string_view key) -> std::optional<std::string> {
    const auto name = names(key);
    if (name && name->starts_with(kOldRate)) return c10::str(kRate, name->substr(kOldRate.size()));
    if (name && name->starts_with(kFirstTransformer)) {
      return c10::str("transformer_in.", name->substr(kFirstTransformer.size()));
    }
    return name;
  };
}

}  // namespace

Layer dynamiCrafterUNet(const std::shared_ptr<const TensorSource>& source) {
  return {source, [names = unetNames(*source)](std::string_view key) -> std::optional<std::string> {
            return isOfPicture(key) ? std::nullopt : names(key);
          }};
}

Layer dynamiCrafterText(const std::shared_ptr<const TensorSource>& source) {
  return openClipText(source, kOpenText);
}

Layer dynamiCrafterVision(const std::shared_ptr<const TensorSource>& source) {
  return openClipVision(source, kOpenVision);
}

Layer dynamiCrafterPicture(const std::shared_ptr<const TensorSource>& source,
                           const std::vector<models::CrossAttention>& attentions) {
  const auto apart = std::make_shared<const TensorSource>(withKeysAndValuesApart(*source));
  return {apart,
          [attentions, projection = ipAdapterKeys({}),
           names = unetNames(*source)](std::string_view key) -> std::optional<std::string> {
            if (key.starts_with(kDynamiCrafterProjection)) {
              return projection(c10::str(kImageProjection, key.substr(kDynamiCrafterProjection.size())));
            }
            const auto name = isOfPicture(key) ? names(key) : std::nullopt;
            if (!name) return std::nullopt;
            for (size_t i = 0; i < attentions.size(); ++i) {
              const std::string start = attentions[i].name + ".";
              if (!name->starts_with(start)) continue;
              return c10::str(kIpAttention, 2 * i + 1, ".", name->substr(start.size()));
            }
            return name;
          }};
}

}  // namespace cameo::weights
