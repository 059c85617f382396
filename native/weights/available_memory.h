#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cameo::weights {

/// Bytes that this process can still take without the system killing one: what Linux says is available, or
/// less where a control group sets a limit. nullopt where the system doesn't say.
std::optional<uint64_t> availableMemory();

/// Throws `ErrorCode::OutOfMemory` where `bytes` are more than `availableMemory()`. `what` and what can be
/// done `otherwise` are for the message: "the UNet".
void requireMemory(uint64_t bytes, const std::string& what,
                   const std::string& otherwise = "load it with dtype bf16 or on a GPU");

}  // namespace cameo::weights
