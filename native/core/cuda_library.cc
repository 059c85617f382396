#include "core/cuda_library.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <filesystem>
#include <stdexcept>

namespace cameo {

namespace {

std::string besideTheAddon(const char* library) {
  Dl_info addon{};
  dladdr(reinterpret_cast<const void*>(&besideTheAddon), &addon);
  return std::filesystem::path(addon.dli_fname).replace_filename(library);
}

}  // namespace

void* cudaLibraryFunction(const char* name) {
  void* library = dlopen(besideTheAddon("cameo_cuda.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  void* function = library != nullptr ? dlsym(library, name) : nullptr;
  if (function == nullptr) throw std::runtime_error(dlerror());
  return function;
}

void* cudaStreamOf(const at::Tensor& x) {
  if (!x.is_cuda()) return nullptr;
  return c10::impl::VirtualGuardImpl(x.device().type()).getStream(x.device()).native_handle();
}

void checkCuda(int error) {
  TORCH_CHECK(error != 2, "out of memory for a kernel of this package's");  // cudaErrorMemoryAllocation
  TORCH_CHECK(error == 0, "CUDA error ", error, " at the start of a kernel of this package's");
}

at::Tensor cudaWorkspace(int64_t floats, const at::Tensor& like) {
  return at::empty({floats}, like.options().dtype(at::kFloat));
}

}  // namespace cameo
