#pragma once

#include <memory>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// Reads a zip archive written by torch.save. Throws `ErrorCode::WeightsFormat` where it is damaged or
/// something else, `ErrorCode::WeightsUnsafe` where its pickle asks to run something.
TensorSource readTorchZip(std::shared_ptr<const MappedFile> file);

}  // namespace cameo::weights
