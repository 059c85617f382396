#include "weights/names/stable_video.h"

#include <string_view>

#include "weights/names/ldm_unet.h"
#include "weights/names/ldm_vae.h"
#include "weights/names/open_clip.h"

namespace cameo::weights {

namespace {

/// Conditions have numbers in the file: conditioner.embedders.0., ...
constexpr std::string_view kOpenClipVisual = ".open_clip.model.visual.";
constexpr std::string_view kOfPicture = ".encoder.encoder.", kEncoder = "encoder.";

/// All of a name up to `part` and its end, of the first that has it; "" where none has.
std::string startUpTo(const TensorSource& source, std::string_view part) {
  for (const TensorEntry& entry : source.entries) {
    const size_t found = entry.name.find(part);
    if (found != std::string::npos) return entry.name.substr(0, found + part.size());
  }
  return "";
}

}  // namespace

Layer stableVideoUNet(const std::shared_ptr<const TensorSource>& source) {
  return {source, ldmUNetKeys(*source)};
}

Layer stableVideoVision(const std::shared_ptr<const TensorSource>& source) {
  return openClipVision(source, startUpTo(*source, kOpenClipVisual));
}

Layer stableVideoVae(const std::shared_ptr<const TensorSource>& source) {
  std::string own = startUpTo(*source, kOfPicture);
  own = own.empty() ? std::string(kLdmVae) : own.substr(0, own.size() - kEncoder.size());
  return {
      source,
      [own, names = ldmTemporalVaeNames(*source, own)](std::string_view key) -> std::optional<std::string> {
        const bool is_decoders =
            key.starts_with(kLdmVae) && key.substr(kLdmVae.size()).starts_with("decoder.");
        if (is_decoders) {
          key.remove_prefix(kLdmVae.size());
        } else if (key.starts_with(own)) {
          key.remove_prefix(own.size());
          if (!key.starts_with(kEncoder) && !key.starts_with("quant_conv.")) return std::nullopt;
        } else {
          return std::nullopt;
        }
        return names.toOurs(key).value_or(std::string(key));
      }};
}

}  // namespace cameo::weights
