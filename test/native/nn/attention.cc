#include "nn/attention.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "cpu/attention.h"
#include "cpu/matrix_unit.h"
#include "harness.h"
#include "nn/plain_kernels.h"
#include "nn/repeated_key.h"

namespace cameo::test {

namespace {

at::Tensor inFloats(const at::Tensor& x) {
  return x.to(at::kFloat).contiguous();
}

/// q (N, L, H*d), k and v (N, S, H*d), the result's gradient like q, all rounded to bf16 where `config` says
/// so: the result, its log-sum-exp and the gradients of `attend` and of `attendBackward`, with libtorch's
/// kernels where it says "plain".
Tensors attend(const Json& config, const Tensors& in) {
  const c10::InferenceMode off(false);
  const nn::PlainKernels plain(config.at("plain").get<bool>());
  const auto kind = config.at("bf16").get<bool>() ? at::kBFloat16 : at::kFloat;
  Tensors leaves, result;
  for (const std::string name : {"q", "k", "v"}) {
    const at::Tensor x = in.at(name).to(kind, /*non_blocking=*/false, /*copy=*/true);
    leaves[name] = nn::splitHeads(x, config.at("heads")).detach().requires_grad_();
  }
  const auto &q = leaves["q"], &k = leaves["k"], &v = leaves["v"];
  const at::Tensor grad = nn::splitHeads(in.at("grad").to(kind, false, true), config.at("heads"));
  nn::attend(q, k, v).backward(grad);
  for (const auto& [name, leaf] : leaves) result["attend." + name] = inFloats(leaf.grad());

  const c10::InferenceMode on;
  const auto [out, log_sum_exp] = nn::attendWithLogSumExp(q, k, v);
  const auto [dq, dk, dv] = nn::attendBackward(grad, q, k, v, out, log_sum_exp);
  result.insert({{"out", inFloats(out)}, {"log_sum_exp", inFloats(log_sum_exp)}});
  result.insert({{"q", inFloats(dq)}, {"k", inFloats(dk)}, {"v", inFloats(dv)}});
  return result;
}

/// The last key `times` times: the result and the gradients of `attendRepeated`, or where `config` says
/// "copied" of `attend` over that many copies.
Tensors attendRepeated(const Json& config, const Tensors& in) {
  const c10::InferenceMode off(false);
  const nn::PlainKernels plain(config.at("plain").get<bool>());
  const int64_t times = config.at("times"), heads = config.at("heads");
  Tensors leaves, result;
  for (const std::string name : {"q", "k", "v"}) leaves[name] = in.at(name).clone().requires_grad_();
  const auto keys = [&](const std::string& name) {
    const at::Tensor& x = leaves[name];
    if (!config.at("copied").get<bool>()) return nn::splitHeads(x, heads);
    const at::Tensor last = x.narrow(1, x.size(1) - 1, 1).expand({-1, times - 1, -1});
    return nn::splitHeads(at::cat({x, last}, 1), heads);
  };
  const at::Tensor q = nn::splitHeads(leaves["q"], heads), k = keys("k"), v = keys("v");
  const at::Tensor out =
      config.at("copied").get<bool>() ? nn::attend(q, k, v) : nn::attendRepeated(q, k, v, times);
  out.backward(nn::splitHeads(in.at("grad"), heads));
  for (const auto& [name, leaf] : leaves) result[name] = inFloats(leaf.grad());
  result["out"] = inFloats(out.detach());
  const c10::InferenceMode on;
  if (!config.at("copied").get<bool>())
    result["recorded_none"] = inFloats(nn::attendRepeated(q, k, v, times));
  return result;
}

Tensors equalRows(const Json&, const Tensors& in) {
  return {{"rows", at::tensor(nn::equalRowsAtEnd(in.at("x")))}};
}

/// q, k and v rounded to fp16: the results of `attend` and of `attendWithLogSumExp` in fp16, and in fp32 of
/// the same.
Tensors attendInHalf(const Json& config, const Tensors& in) {
  const c10::InferenceMode on;
  const auto of = [&](const char* name) {
    return nn::splitHeads(in.at(name).to(at::kHalf), config.at("heads"));
  };
  const at::Tensor q = of("q"), k = of("k"), v = of("v");
  return {{"attend", inFloats(nn::attend(q, k, v))},
          {"with_log_sum_exp", inFloats(nn::attendWithLogSumExp(q, k, v).out)},
          {"fp32", nn::attend(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat))}};
}

/// The same of this package's kernel in fp32 alone, with its products by the matrix unit or without; nothing
/// where this CPU can't.
Tensors attendOnCpu(const Json& config, const Tensors& in) {
  const c10::InferenceMode on;
  const auto of = [&](const char* name) { return nn::splitHeads(in.at(name), config.at("heads")); };
  const at::Tensor q = of("q"), k = of("k"), v = of("v");
  const bool matrix_unit = config.at("matrixUnit");
  if (!cpu::attentionTakes(q, k, v) || (matrix_unit && !cpu::hasMatrixUnit())) return {};
  const auto [out, log_sum_exp] = cpu::attention(q, k, v, matrix_unit);
  const auto [dq, dk, dv] = cpu::attentionBackward(of("grad"), q, k, v, out, log_sum_exp, matrix_unit);
  return {{"out", inFloats(out)},
          {"log_sum_exp", log_sum_exp},
          {"q", inFloats(dq)},
          {"k", inFloats(dk)},
          {"v", inFloats(dv)}};
}

}  // namespace

const bool kAttentionRegistered = addProbe("nn.attend", attend) && addProbe("nn.attend_half", attendInHalf) &&
                                  addProbe("cpu.attention", attendOnCpu) &&
                                  addProbe("nn.attend_repeated", attendRepeated) &&
                                  addProbe("nn.equal_rows", equalRows);

}  // namespace cameo::test
