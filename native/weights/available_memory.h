#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cameo::weights {

/// Bytes that this process can still take without the system killing one: what Linux says is available, or
/// less where a control group sets a limit. nullopt where the system doesn't say.
std::optional<uint64_t> availableMemory();

/// Throws `ErrorCode::OutOfMemory` where `bytes` are more than `availableMemory()`. `what` is for the
/// message: "the UNet".
void requireMemory(uint64_t bytes, const std::string& what);

}  // namespace cameo::weights
