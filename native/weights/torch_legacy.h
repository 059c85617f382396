#pragma once

#include <memory>

#include "weights/tensor_source.h"

namespace cameo::weights {

/// Whether a file starts as torch.save wrote it before PyTorch 1.6.
bool isTorchLegacy(const MappedFile& file);

/// Reads a file of torch.save before PyTorch 1.6: pickles one after another, then the storages. Throws as
/// `readTorchZip`.
TensorSource readTorchLegacy(std::shared_ptr<const MappedFile> file);

}  // namespace cameo::weights
