#pragma once

#include "weights/names/name_table.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// How names begin that only the released code's VAE of Wan has.
inline constexpr std::string_view kWanVaeMiddle = "encoder.middle.";

/// The released code's names (`decoder.upsamples.3.resample.1`) of the VAE in a file.
NameTable wanVaeNames(const TensorSource& source);

}  // namespace cameo::weights
