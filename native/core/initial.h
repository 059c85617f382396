#pragma once

#include <ATen/core/Generator.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/parameters.h"

namespace cameo {

/// Normal numbers of this deviation.
Initial normalInitial(double deviation);

/// Uniform numbers within sqrt(6 / (in + out)) of a matrix (out, in), or of a kernel that is flattened to one
/// (Glorot and Bengio 2010, equation 16).
Initial xavierInitial();

/// One number everywhere.
Initial constantInitial(double value);

/// The end of a parameter's name, and how it is drawn; an empty `Initial` leaves it as it is.
using InitialOfEnd = std::pair<std::string_view, Initial>;

/// Says how a network's parameters are drawn: each by the first of `rules` with whose end its name ends.
void setInitial(ParameterSet& parameters, const std::vector<InitialOfEnd>& rules);

}  // namespace cameo
