#include "nn/attention.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "harness.h"
#include "nn/plain_kernels.h"

namespace cameo::test {

namespace {

/// q (N, L, H*d), k and v (N, S, H*d), the result's gradient like q: the result, its log-sum-exp and the
/// gradients of `attend` and of `attendBackward`, with libtorch's kernels where `config` says "plain".
Tensors attend(const Json& config, const Tensors& in) {
  const c10::InferenceMode off(false);
  const nn::PlainKernels plain(config.at("plain").get<bool>());
  Tensors leaves, result;
  for (const std::string name : {"q", "k", "v"}) {
    leaves[name] = nn::splitHeads(in.at(name).clone(), config.at("heads")).detach().requires_grad_();
  }
  const auto &q = leaves["q"], &k = leaves["k"], &v = leaves["v"];
  const at::Tensor grad = nn::splitHeads(in.at("grad").clone(), config.at("heads"));
  nn::attend(q, k, v).backward(grad);
  for (const auto& [name, leaf] : leaves) result["attend." + name] = leaf.grad().contiguous();

  const c10::InferenceMode on;
  const auto [out, log_sum_exp] = nn::attendWithLogSumExp(q, k, v);
  const auto [dq, dk, dv] = nn::attendBackward(grad, q, k, v, out, log_sum_exp);
  result.insert({{"out", out.contiguous()}, {"log_sum_exp", log_sum_exp.contiguous()}});
  result.insert({{"q", dq.contiguous()}, {"k", dk.contiguous()}, {"v", dv.contiguous()}});
  return result;
}

}  // namespace

const bool kAttentionRegistered = addProbe("nn.attend", attend);

}  // namespace cameo::test
