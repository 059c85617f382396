#include "parallel/gloo_backend.h"

#include <gloo/transport/tcp/pair.h>

#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include "parallel/rendezvous.h"

namespace cameo::parallel {

namespace {

std::vector<std::string> interfacesFromEnvironment() {
  const char* names = std::getenv("GLOO_SOCKET_IFNAME");
  std::stringstream list(names ? names : "");
  std::vector<std::string> interfaces;
  for (std::string name; std::getline(list, name, ',');) {
    if (!name.empty()) interfaces.push_back(name);
  }
  return interfaces;
}

class AbortableGloo final : public c10d::ProcessGroupGloo {
 public:
  using ProcessGroupGloo::ProcessGroupGloo;

  void abort() override {
    for (const auto& context : contexts_) {
      for (int rank = 0; rank < getSize(); ++rank) {
        if (rank == getRank()) continue;
        // c10d has no other transport than TCP here.
        auto* pair = reinterpret_cast<gloo::transport::tcp::Pair*>(context->getPair(rank).get());
        if (pair != nullptr) pair->signalExceptionExternal("aborted");
      }
    }
  }
};

}  // namespace

c10::intrusive_ptr<c10d::Backend> connectGloo(const c10::intrusive_ptr<c10d::Store>& store,
                                              const Membership& membership, const std::string& own_address) {
  using c10d::ProcessGroupGloo;
  auto options = ProcessGroupGloo::Options::create(timeoutOf(membership));
  for (const std::string& interface : interfacesFromEnvironment()) {
    options->devices.push_back(ProcessGroupGloo::createDeviceForInterface(interface));
  }
  if (options->devices.empty()) {
    // Not c10d's default, which resolves the host's name: in containers that often fails or gives an address
    // that others do not reach.
    options->devices.push_back(ProcessGroupGloo::createDeviceForHostname(own_address));
  }
  return c10::make_intrusive<AbortableGloo>(store, static_cast<int>(membership.rank),
                                            static_cast<int>(membership.world_size), std::move(options));
}

}  // namespace cameo::parallel
