#pragma once

#include <string>

#include "weights/mapped_file.h"

namespace cameo::weights {

/// What a file is that isn't a weight file this package reads, with what to do about it: "this is a Git LFS
/// pointer: run `git lfs pull`". Empty where its content tells nothing.
std::string guessContent(const MappedFile& file);

}  // namespace cameo::weights
