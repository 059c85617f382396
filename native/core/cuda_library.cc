#include "core/cuda_library.h"

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

}  // namespace cameo
