#include "group_norm.h"

// The functions of cameo_cuda.so for group norm.

namespace cameo::cuda {

namespace {

int64_t numbersOfSlabs(const CameoGroupNorm& norm) {
  return int64_t{2} * GroupNormGrid(norm).slabs * norm.images * norm.channels;
}

template <Precision precision>
int groupNorm(const CameoGroupNorm& norm, Stream stream) {
  const GroupNormGrid grid(norm);
  float* coefficients = norm.workspace + numbersOfSlabs(norm);
  if (const int error = launch(SumSlabs<precision>{norm, grid}, grid.columns, grid.slabs, stream))
    return error;
  const FinishGroups<precision> finish{norm, grid, coefficients};
  if (const int error = launch(finish, norm.images, norm.groups, stream)) return error;
  return launch(ApplyNorm<precision>{norm, grid, coefficients}, grid.columns, grid.slabs, stream);
}

}  // namespace

}  // namespace cameo::cuda

extern "C" __attribute__((visibility("default"))) int64_t
cameoGroupNormWorkspace(const CameoGroupNorm* norm) {
  using namespace cameo::cuda;
  return isSupported() ? numbersOfSlabs(*norm) + int64_t{2} * norm->images * norm->channels : 0;
}

extern "C" __attribute__((visibility("default"))) int cameoGroupNorm(const CameoGroupNorm* norm,
                                                                     void* stream) {
  using namespace cameo::cuda;
  const auto run = norm->is_bfloat16 ? groupNorm<Precision::BFloat16> : groupNorm<Precision::Float16>;
  return run(*norm, static_cast<Stream>(stream));
}
