#include "parallel/nccl_backend.h"

#include "core/cuda_library.h"
#include "core/error.h"
#include "parallel/rendezvous.h"

namespace cameo::parallel {

namespace {

using Connect = void (*)(const c10::intrusive_ptr<c10d::Store>&, int rank, int world_size,
                         std::chrono::milliseconds timeout, c10::intrusive_ptr<c10d::Backend>&);

Error unavailable(const std::string& reason) {
  return Error(ErrorCode::Distributed,
               c10::str("training on several GPUs needs NCCL (", reason.substr(0, reason.find('\n')),
                        "): build cameo with the headers of CUDA and NCCL, as docs/distributed.md says"));
}

Connect findConnect() {
  try {
    return reinterpret_cast<Connect>(cudaLibraryFunction("cameoConnectNccl"));
  } catch (const std::runtime_error& error) {
    throw unavailable(error.what());
  }
}

}  // namespace

void requireNccl() {
  findConnect();
}

c10::intrusive_ptr<c10d::Backend> connectNccl(const c10::intrusive_ptr<c10d::Store>& store,
                                              const Membership& membership) {
  c10::intrusive_ptr<c10d::Backend> backend;
  const Connect connect = findConnect();
  try {
    connect(store, static_cast<int>(membership.rank), static_cast<int>(membership.world_size),
            timeoutOf(membership), backend);
  } catch (const c10::Error& error) {
    throw unavailable(error.what_without_backtrace());
  }
  return backend;
}

}  // namespace cameo::parallel
