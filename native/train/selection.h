#pragma once

#include <string>
#include <vector>

#include "core/parameters.h"

namespace cameo::train {

/// The parameters that a recipe trains: those whose names match one of `patterns`. A pattern is "attn1" (the
/// spatial self-attention, which PISA replaces), "motion" (motion modules), "all", or a glob over whole names
/// in which `*` stands for any characters: "up_blocks.*.attn2.*". Throws `ErrorCode::InvalidOption` for a
/// pattern that matches nothing.
std::vector<Parameter*> selectParameters(ParameterSet& parameters, const std::vector<std::string>& patterns);

/// Makes `selected` fp32 leaves that take gradients; every other parameter takes none.
std::vector<at::Tensor> makeTrainable(ParameterSet& parameters, const std::vector<Parameter*>& selected);

}  // namespace cameo::train
