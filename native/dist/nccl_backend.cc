#include "dist/nccl_backend.h"

#include <dlfcn.h>

#include <filesystem>

#include "core/error.h"
#include "dist/rendezvous.h"

namespace cameo::dist {

namespace {

using Connect = void (*)(const c10::intrusive_ptr<c10d::Store>&, int rank, int world_size,
                         std::chrono::milliseconds timeout, c10::intrusive_ptr<c10d::Backend>&);

Error unavailable(const std::string& reason) {
  return Error(ErrorCode::Distributed,
               c10::str("training on several GPUs needs NCCL (", reason.substr(0, reason.find('\n')),
                        "): build cameo with the headers of CUDA and NCCL, as docs/distributed.md says"));
}

std::string besideTheAddon(const char* library) {
  Dl_info addon{};
  dladdr(reinterpret_cast<const void*>(&besideTheAddon), &addon);
  return std::filesystem::path(addon.dli_fname).replace_filename(library);
}

Connect openLibrary() {
  void* library = dlopen(besideTheAddon("cameo_cuda.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  void* symbol = library ? dlsym(library, "cameoConnectNccl") : nullptr;
  if (!symbol) throw unavailable(dlerror());
  return reinterpret_cast<Connect>(symbol);
}

}  // namespace

c10::intrusive_ptr<c10d::Backend> connectNccl(const c10::intrusive_ptr<c10d::Store>& store,
                                              const Membership& membership) {
  c10::intrusive_ptr<c10d::Backend> backend;
  try {
    openLibrary()(store, static_cast<int>(membership.rank), static_cast<int>(membership.world_size),
                  timeoutOf(membership), backend);
  } catch (const c10::Error& error) {
    throw unavailable(error.what_without_backtrace());
  }
  return backend;
}

}  // namespace cameo::dist
