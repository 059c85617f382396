#pragma once

namespace cameo {

/// A function of native/cuda's library, cameo_cuda.so, which lies beside the addon where the addon was built
/// with the headers or the compiler of CUDA. Throws std::runtime_error, with the loader's reason, where it
/// isn't there.
void* cudaLibraryFunction(const char* name);

}  // namespace cameo
