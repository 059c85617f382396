#pragma once

#include <cstdint>

#include "weights/names/name_table.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// What stands before the VAE's names in a checkpoint.
inline constexpr std::string_view kLdmVae = "first_stage_model.";

/// The names of CompVis' VAE (`decoder.up.3.block.0`), of so many blocks with so many layers in the encoder,
/// without `kLdmVae`.
NameTable ldmVaeNames(int64_t blocks, int64_t layers);

/// Of the VAE whose names in the file begin with `start`.
NameTable ldmVaeNames(const TensorSource& source, std::string_view start);

/// Of the VAE whose encoder's names begin with `start`, and whose decoder is over time, as Stable Video
/// Diffusion's.
NameTable ldmTemporalVaeNames(const TensorSource& source, std::string_view start);

}  // namespace cameo::weights
