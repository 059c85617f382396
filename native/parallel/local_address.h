#pragma once

#include <cstdint>
#include <string>

namespace cameo::parallel {

/// This machine's address on the network by which it reaches `host`, such as "127.0.0.1" where that is
/// itself. Throws ErrorCode::Distributed where the host's name is unknown or no network leads to it.
std::string localAddressTowards(const std::string& host, int64_t port);

}  // namespace cameo::parallel
