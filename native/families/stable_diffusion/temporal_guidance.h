#pragma once

#include "families/stable_diffusion/conditioner.h"

namespace cameo::families {

/// Guidance over time (Gen-1, arXiv 2302.03011, equation 9): puts a branch before all others, the first of
/// them once more but with every frame by itself, as if there were no motion modules.
void addFramesApart(Conditions& conditions);

}  // namespace cameo::families
