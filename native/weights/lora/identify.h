#pragma once

#include "weights/identify.h"

namespace cameo::weights {

/// What a file is that `isAnyLora`: its names' writer, what it is for, the option that takes it or why none
/// does.
Identity identifyLora(const TensorSource& source);

}  // namespace cameo::weights
