#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cameo::weights {

/// A safetensors header as it stands, syntax checked, claims not.
struct SafetensorsHeader {
  struct Tensor {
    std::string name;
    std::string dtype;
    std::vector<uint64_t> shape;
    std::vector<uint64_t> offsets;
  };
  std::map<std::string, std::string> metadata;
  std::vector<Tensor> tensors;
};

/// Parses the header's JSON event by event, so that its memory is bounded by its length. `path` is for
/// messages.
SafetensorsHeader parseSafetensorsHeader(std::string_view json, const std::string& path);

/// `F16` and so on; nullopt for a dtype that isn't supported.
std::optional<c10::ScalarType> safetensorsDtype(std::string_view name);
/// The reverse; nullopt for a dtype that safetensors cannot hold.
std::optional<std::string_view> safetensorsName(c10::ScalarType dtype);

}  // namespace cameo::weights
