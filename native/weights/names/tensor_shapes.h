#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "weights/load.h"

namespace cameo::weights {

/// The shapes of a layer's tensors, by the names of the network: what a config says where there is none.
class TensorShapes {
 public:
  explicit TensorShapes(const Layer& layer);

  /// Whether a name starts so.
  bool any(std::string_view start) const;
  /// How many modules are numbered so: `start` 0., `start` 1. ...
  int64_t count(const std::string& start) const;
  /// The size of a tensor's dimension. Throws `ErrorCode::WeightsFormat` where there is none.
  int64_t size(const std::string& name, size_t dimension) const;
  size_t dimensions(const std::string& name) const { return of(name).size(); }
  /// The first name that ends so; throws as `size` does.
  const std::string& firstEndingIn(std::string_view end) const;
  const std::string& path() const { return path_; }

 private:
  const std::vector<int64_t>& of(const std::string& name) const;

  std::string path_;
  std::map<std::string, std::vector<int64_t>, std::less<>> shapes_;
};

}  // namespace cameo::weights
