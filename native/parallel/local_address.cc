#include "parallel/local_address.h"

#include <arpa/inet.h>
#include <c10/util/StringUtil.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "core/error.h"

namespace cameo::parallel {

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Addresses resolve(const std::string& host, int64_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int failure = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found)) {
    throw Error(ErrorCode::Distributed, c10::str("MASTER_ADDR \"", host, "\" cannot be resolved (",
                                                 gai_strerror(failure), "): give rank 0's host or address"));
  }
  return {found, freeaddrinfo};
}

/// The socket's own address, or "" where no route leads to `peer`. No packet is sent: it is a datagram
/// socket.
std::string localAddressTowards(const addrinfo& peer) {
  const int handle = socket(peer.ai_family, peer.ai_socktype, peer.ai_protocol);
  if (handle < 0) return "";
  sockaddr_storage own{};
  socklen_t length = sizeof own;
  std::array<char, NI_MAXHOST> text{};
  const bool known = connect(handle, peer.ai_addr, peer.ai_addrlen) == 0 &&
                     getsockname(handle, reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
                     getnameinfo(reinterpret_cast<sockaddr*>(&own), length, text.data(), text.size(), nullptr,
                                 0, NI_NUMERICHOST) == 0;
  close(handle);
  return known ? text.data() : "";
}

}  // namespace

std::string localAddressTowards(const std::string& host, int64_t port) {
  const Addresses addresses = resolve(host, port);
  for (const addrinfo* peer = addresses.get(); peer; peer = peer->ai_next) {
    const std::string own = localAddressTowards(*peer);
    if (!own.empty()) return own;
  }
  throw Error(ErrorCode::Distributed, c10::str("no network leads to MASTER_ADDR \"", host,
                                               "\": give an address of rank 0's that this "
                                               "machine reaches"));
}

}  // namespace cameo::parallel
