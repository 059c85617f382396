#include "../../../native/cuda/pisa.cu"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "harness.h"
#include "nn/layout.h"
#include "nn/pisa_fused.h"

namespace cameo::test {

namespace {

/// The result and the gradients of q, k and v, each name with `prefix`.
template <typename Form>
Tensors differentiate(const std::string& prefix, const Tensors& in, const Form& form) {
  std::map<std::string, at::Tensor> leaves;
  for (const std::string name : {"q", "k", "v"}) leaves[name] = in.at(name).detach().requires_grad_();
  const at::Tensor out = form(leaves.at("q"), leaves.at("k"), leaves.at("v"));
  out.backward(in.at("grad"));
  Tensors result{{prefix + "out", out.detach()}};
  for (const auto& [name, leaf] : leaves) result[prefix + name] = leaf.grad();
  return result;
}

/// PISA by the kernels for CUDA, on a device that is emulated, and by its plain form in fp64, of the same
/// inputs: q, k, v and the result's gradient (B, F+R, n, H*d), rounded to `type`, q, k and v as parts of one
/// tensor where `config` says "joined". "inference" is the kernels' result where nothing is differentiated.
Tensors pisaOnEmulatedDevice(const Json& config, const Tensors& in) {
  const c10::InferenceMode off(false);
  const nn::FrameLayout layout = frameLayout(config, in);
  const int64_t heads = config.at("heads");
  const auto type = config.at("type") == "bfloat16" ? at::kBFloat16 : at::kHalf;
  Tensors rounded, exact;
  for (const auto& [name, x] : in) rounded[name] = x.to(type);
  for (const auto& [name, x] : rounded) exact[name] = x.to(at::kDouble);
  if (config.at("joined").get<bool>()) {
    const auto parts = at::cat({rounded["q"], rounded["k"], rounded["v"]}, -1).chunk(3, -1);
    for (int i = 0; i < 3; ++i) rounded[std::string(1, "qkv"[i])] = parts[i];
  }

  static const nn::PisaKernels kernels{cameoPisaForwardWorkspace, cameoPisaBackwardWorkspace,
                                       cameoPisaForward, cameoPisaBackward};
  const auto fused = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    return nn::pisaFused(kernels, q, k, v, heads, layout);
  };
  const auto plain = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    return nn::pisaConcatenated(q, k, v, heads, layout);
  };
  Tensors result = differentiate("fused.", rounded, fused);
  result.merge(differentiate("exact.", exact, plain));
  result["inference"] = fused(rounded["q"], rounded["k"], rounded["v"]);
  return result;
}

/// 1 where the kernels run on a device of compute capability `capability`.0.
Tensors pisaIsSupported(const Json& config, const Tensors&) {
  static const nn::PisaKernels kernels{cameoPisaForwardWorkspace, cameoPisaBackwardWorkspace,
                                       cameoPisaForward, cameoPisaBackward};
  const cuda::EmulatedCapability device(config.at("capability"));
  const at::Tensor q = at::ones({1, 2, 4, 40}, at::kHalf);
  return {{"supported", at::scalar_tensor(nn::runOnDeviceOf(q, 1, {.frames = 1, .references = 1}, kernels))}};
}

}  // namespace

const bool kPisaOnEmulatedDeviceRegistered =
    addProbe("cuda.pisa", pisaOnEmulatedDevice) && addProbe("cuda.pisaIsSupported", pisaIsSupported);

}  // namespace cameo::test
