#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

#include "pipeline/request.h"

namespace cameo::families {

// What the models have in common that are whole as they are loaded: they make films of a picture, a prompt or
// both, and nothing goes beside them.

/// Throws `ErrorCode::InvalidOption` for a network or file beside the base that the options name, but for
/// those of `taken`. `kind` is what the base is: "a Stable Video Diffusion model".
void refuseOtherNetworks(const pipeline::LoadOptions& options, const std::string& kind,
                         const std::set<std::string>& taken = {});

/// Throws `ErrorCode::InvalidOption` for what other models are asked for, and says `why`. `pictures` are the
/// options whose pictures it takes.
void refuseOtherRequests(const pipeline::SampleRequest& request, const std::string& why,
                         const std::set<std::string>& pictures);

/// Throws `ErrorCode::InvalidOption` without `image`, or without frames.
void requirePicture(const pipeline::SampleRequest& request);

/// Sets to false, null or none, in what `describe()` says, what these models have no use for.
void describeAsWholeModel(nlohmann::json& description);

}  // namespace cameo::families
