#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipeline/request.h"
#include "weights/origins.h"
#include "weights/tensor_source.h"

namespace cameo::pipeline {

/// The files that a pipeline was loaded from; null: a network without weights, or none.
struct ModelSources {
  std::shared_ptr<const weights::TensorSource> base;  // the UNet's
  std::shared_ptr<const weights::TensorSource> motion;
  std::vector<std::shared_ptr<const weights::TensorSource>> subject;
};

/// What is to be written into a model that is trained on these.
weights::Origins originsOf(const LoadOptions& options, const ModelSources& sources);

/// A line for each file that says it was trained on another model than it is loaded with.
std::vector<std::string> originWarnings(const weights::Origins& loaded, const ModelSources& sources);

}  // namespace cameo::pipeline
