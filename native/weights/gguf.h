#pragma once

#include <memory>

#include "weights/tensor_source.h"

namespace cameo::weights {

bool isGguf(const MappedFile& file);

/// Reads the header of a GGUF file of version 2 or 3, as stable-diffusion.cpp and ComfyUI-GGUF write it.
/// Names are the file's own, shapes in the order of torch; `metadata` has all fields but lists. Throws
/// `ErrorCode::WeightsFormat` for what is damaged, and for types of numbers that aren't read.
TensorSource readGguf(std::shared_ptr<const MappedFile> file);

}  // namespace cameo::weights
