#pragma once

#include <memory>
#include <optional>

#include "families/stable_diffusion/conditioner.h"
#include "families/stable_diffusion/stable_diffusion.h"
#include "weights/ip_adapter.h"

namespace cameo::families {

/// The files of an image prompt's two networks.
struct ImagePromptFiles {
  weights::IpAdapterFile adapter;
  weights::Component image_encoder;
};

/// Opens what the options name, and builds the model's `ip_adapter` and `image_encoder`, without weights;
/// none where no adapter is named. `model` has its UNet.
std::optional<ImagePromptFiles> openImagePrompt(StableDiffusion& model, const pipeline::LoadOptions& options);

/// Throws `ErrorCode::InvalidOption` for pictures without an adapter, an adapter without pictures, and scales
/// of parts that the UNet hasn't got.
void checkImagePrompt(const StableDiffusion& model, const pipeline::SampleRequest& request);

/// Adds the pictures of `ipImage` to conditions that have their text, where the model has an adapter. The
/// unconditional branches are shown none. Both networks are on the device only meanwhile.
void addImagePrompt(Conditions& conditions, const StableDiffusion& model,
                    const pipeline::SampleRequest& request, pipeline::Recorder& recorder);

}  // namespace cameo::families
