#include "nn/group_norm.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <numeric>

#include "cpu/group_norm.h"
#include "nn/group_norm_cuda.h"
#include "nn/plain_kernels.h"

namespace cameo::nn {

namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

/// (N, groups, C / groups) or (N, groups, 1) -> (N, C, 1, ...), as (N, C, ...) is multiplied with.
at::Tensor overPositions(const at::Tensor& values, int64_t channels, int64_t dims) {
  std::vector<int64_t> shape(dims, 1);
  shape[0] = values.size(0);
  shape[1] = channels;
  return values.expand({-1, -1, channels / values.size(1)}).reshape(shape);
}

/// On a CPU, with a backward pass of its own: libtorch 2.11's for channels-last tensors takes ten times as
/// long where groups have few channels, and writes to the input's gradient even where the input takes none,
/// and so through a null pointer. Statistics are fp32 whatever x is.
class CpuGroupNorm : public torch::autograd::Function<CpuGroupNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, int64_t groups, double eps) {
    const at::Tensor x = input.contiguous(input.suggest_memory_format());
    const int64_t positions = x.numel() / (x.size(0) * x.size(1));
    const auto [y, mean, inverse] = at::native_group_norm(x, weight.to(at::kFloat), bias.to(at::kFloat),
                                                          x.size(0), x.size(1), positions, groups, eps);
    context->save_for_backward({x, weight, mean, inverse});
    return y;
  }

  /// With m and r a group's mean and inverse deviation over its n numbers, g the gradient of the result and
  /// sums over a channel's positions, in a group also over its channels:
  ///   of weight: sum of (sum(g x) - m sum(g)) r over the samples, of bias: sum of sum(g),
  ///   of x: r weight g + b x - b m - r sum(weight g) / n, b = r^3 (m sum(weight g) - sum(weight g x)) / n.
  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor x = saved[0].to(at::kFloat), g = gradients[0].to(at::kFloat);
    const at::Tensor m = saved[2].unsqueeze(-1), r = saved[3].unsqueeze(-1);  // (N, groups, 1)
    const int64_t channels = x.size(1), groups = m.size(1);
    const at::Tensor weight = saved[1].to(at::kFloat).view({groups, -1});
    std::vector<int64_t> positions(x.dim() - 2);
    std::iota(positions.begin(), positions.end(), 2);
    // (N, groups, C / groups)
    const at::Tensor sum_gx = (g * x).sum(positions).unflatten(1, {groups, -1});
    const at::Tensor sum_g = g.sum(positions).unflatten(1, {groups, -1});

    variable_list result(5);
    if (context->needs_input_grad(0)) {
      const double n = static_cast<double>(x.numel()) / static_cast<double>(m.numel());
      const at::Tensor weighted_g = (weight * sum_g).sum(-1, true),
                       weighted_gx = (weight * sum_gx).sum(-1, true);
      const at::Tensor b = r.pow(3) * (m * weighted_g - weighted_gx) / n;
      const at::Tensor constant = -b * m - r * weighted_g / n;
      const auto spread = [&](const at::Tensor& values) { return overPositions(values, channels, x.dim()); };
      const at::Tensor of_x = at::addcmul(spread(constant), spread(b), x).addcmul_(spread(r * weight), g);
      result[0] = of_x.to(gradients[0].scalar_type());
    }
    const auto overSamples = [](const at::Tensor& sums) { return sums.sum(0).flatten(); };
    if (context->needs_input_grad(1)) result[1] = overSamples((sum_gx - m * sum_g) * r);
    if (context->needs_input_grad(2)) result[2] = overSamples(sum_g);
    return result;
  }
};

/// The kernels in cpu/, which keep x alone.
class FusedGroupNorm : public torch::autograd::Function<FusedGroupNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, int64_t groups, double eps, bool silu) {
    const auto [y, mean, inverse] = cpu::groupNorm(x, {weight, bias, groups, silu}, eps);
    context->save_for_backward({x, weight, bias, mean, inverse});
    context->saved_data["groups"] = groups;
    context->saved_data["silu"] = silu;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const cpu::GroupNormParameters parameters{saved[1], saved[2], context->saved_data["groups"].toInt(),
                                              context->saved_data["silu"].toBool()};
    const auto [of_x, of_weight, of_bias] =
        cpu::groupNormBackward(gradients[0].contiguous(at::MemoryFormat::ChannelsLast), x, saved[3], saved[4],
                               parameters, context->needs_input_grad(0));
    return {of_x, of_weight, of_bias, {}, {}, {}};
  }
};

}  // namespace

bool groupNormIsFused(const at::Tensor& x) {
  if (PlainKernels::on()) return false;
  // The backward pass has kernels for fp32 alone.
  const bool fused = x.scalar_type() == at::kFloat || !c10::GradMode::is_enabled();
  return (fused && cpu::groupNormTakes(x)) || groupNormKernelsFor(x) != nullptr;
}

at::Tensor fusedGroupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                          int64_t groups, double eps, bool silu) {
  if (const GroupNormKernels* kernels = groupNormKernelsFor(x)) {
    return groupNormOnCuda(*kernels, x, weight, bias, groups, eps, silu);
  }
  return c10::GradMode::is_enabled() ? FusedGroupNorm::apply(x, weight, bias, groups, eps, silu)
                                     : cpu::groupNorm(x, {weight, bias, groups, silu}, eps).y;
}

at::Tensor groupNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t groups,
                     double eps) {
  if (groupNormIsFused(x)) return fusedGroupNorm(x, weight, bias, groups, eps, /*silu=*/false);
  if (x.is_cpu() && c10::GradMode::is_enabled()) return CpuGroupNorm::apply(x, weight, bias, groups, eps);
  return at::group_norm(x, groups, weight.to(x.scalar_type()), bias.to(x.scalar_type()), eps);
}

}  // namespace cameo::nn
