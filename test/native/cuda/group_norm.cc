#include "../../../native/cuda/group_norm.cu"

#include <ATen/ATen.h>

#include "harness.h"
#include "nn/group_norm_cuda.h"

namespace cameo::test {

namespace {

/// x (N, C, H, W), weight and bias (C), rounded to `type`: group norm by the kernels for CUDA, on a device
/// that is emulated, and by libtorch in fp64.
Tensors groupNormOnEmulatedDevice(const Json& config, const Tensors& in) {
  const auto type = config.at("type") == "bfloat16" ? at::kBFloat16 : at::kHalf;
  const int64_t groups = config.at("groups");
  const bool silu = config.at("silu");
  constexpr double eps = 1e-5;
  const at::Tensor x = in.at("x").to(type).contiguous(at::MemoryFormat::ChannelsLast),
                   weight = in.at("weight").to(type), bias = in.at("bias").to(type);
  static const nn::GroupNormKernels kernels{cameoGroupNormWorkspace, cameoGroupNorm};
  const at::Tensor exact = at::group_norm(x.to(at::kDouble).contiguous(), groups, weight.to(at::kDouble),
                                          bias.to(at::kDouble), eps);
  return {{"out", nn::groupNormOnCuda(kernels, x, weight, bias, groups, eps, silu).contiguous()},
          {"exact", silu ? at::silu(exact) : exact}};
}

/// 1 where the kernels run on a device of compute capability `capability`.0.
Tensors groupNormIsSupported(const Json& config, const Tensors&) {
  static const nn::GroupNormKernels kernels{cameoGroupNormWorkspace, cameoGroupNorm};
  const cuda::EmulatedCapability device(config.at("capability"));
  const at::Tensor x = at::ones({1, 4, 2, 2}, at::kHalf);
  return {{"supported", at::scalar_tensor(nn::runOnDeviceOf(x, kernels))}};
}

}  // namespace

const bool kGroupNormOnEmulatedDeviceRegistered = addProbe("cuda.groupNorm", groupNormOnEmulatedDevice) &&
                                                  addProbe("cuda.groupNormIsSupported", groupNormIsSupported);

}  // namespace cameo::test
