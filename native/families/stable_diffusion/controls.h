#pragma once

#include <string>

#include "families/stable_diffusion/conditioner.h"
#include "models/control/controlnet.h"
#include "pipeline/recorder.h"
#include "pipeline/request.h"

namespace cameo::families {

struct StableDiffusion;

/// Throws `ErrorCode::WeightsMismatch`, naming `path`, for a ControlNet that was made for another model than
/// this one, whose UNet is there, and `ErrorCode::InvalidOption` for what doesn't go together.
void requireFittingControl(const StableDiffusion& model, const models::ControlNet& control,
                           const std::string& path);

/// Throws `ErrorCode::InvalidOption` where a request's controls and keyframes don't go with the networks that
/// are loaded, or with its frames.
void checkControls(const StableDiffusion& model, const pipeline::SampleRequest& request);

/// Adds what a request's controls and keyframes say. Their networks are on the device as long as the
/// conditions live, and the VAE for a while.
void addControls(const StableDiffusion& model, const pipeline::SampleRequest& request, Conditions& conditions,
                 pipeline::Recorder& recorder);

}  // namespace cameo::families
