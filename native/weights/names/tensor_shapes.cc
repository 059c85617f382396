#include "weights/names/tensor_shapes.h"

#include "weights/text.h"

namespace cameo::weights {

TensorShapes::TensorShapes(const Layer& layer) : path_(layer.source->path) {
  for (const TensorEntry& entry : layer.source->entries) {
    if (auto name = layer.map(entry.name)) shapes_.emplace(std::move(*name), entry.shape);
  }
}

bool TensorShapes::any(std::string_view start) const {
  const auto found = shapes_.lower_bound(start);
  return found != shapes_.end() && found->first.starts_with(start);
}

int64_t TensorShapes::count(const std::string& start) const {
  int64_t number = 0;
  while (any(start + std::to_string(number) + ".")) ++number;
  return number;
}

int64_t TensorShapes::size(const std::string& name, size_t dimension) const {
  const auto& shape = of(name);
  if (dimension >= shape.size()) failFormat(path_, quote(name) + " has too few dimensions");
  return shape[dimension];
}

const std::string& TensorShapes::firstEndingIn(std::string_view end) const {
  for (const auto& [name, shape] : shapes_) {
    if (name.ends_with(end)) return name;
  }
  failFormat(path_, "it has no tensor ..." + std::string(end) + ": is it whole?");
}

const std::vector<int64_t>& TensorShapes::of(const std::string& name) const {
  const auto found = shapes_.find(name);
  if (found == shapes_.end()) failFormat(path_, "it has no tensor " + quote(name) + ": is it whole?");
  return found->second;
}

}  // namespace cameo::weights
