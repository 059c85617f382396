#include "nn/convolution.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "cpu/matrix_unit_product.h"
#include "cpu/winograd.h"
#include "nn/affine.h"
#include "nn/plain_kernels.h"

namespace cameo::nn {

namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

/// Whether Winograd's form has this convolution, and takes less time than the direct one.
bool winogradPays(const at::Tensor& x, const at::Tensor& weight, int64_t stride, int64_t padding) {
  return !PlainKernels::on() && stride == 1 && padding == 1 && cpu::winogradTakes(x, weight) &&
         cpu::winogradTiles(x) >= 8;
}

/// Whether a convolution in bf16 takes less time on the matrix unit as a product with gathered neighbourhoods
/// than by oneDNN: with small images, of which oneDNN's kernels fill their tiles badly.
bool gatheringPays(const at::Tensor& x, const at::Tensor& weight, int64_t stride, int64_t padding) {
  constexpr int64_t most_positions = 64;  // of the result
  return !PlainKernels::on() && x.scalar_type() == at::kBFloat16 &&
         cpu::matrixUnitConvolves(x, weight, stride, padding) &&
         x.size(2) * x.size(3) <= most_positions * stride * stride;
}

/// Whether this convolution is a matrix product of positions as they lie.
bool isProduct(const at::Tensor& x, const at::Tensor& weight, int64_t stride, int64_t padding) {
  return !PlainKernels::on() && weight.size(2) == 1 && weight.size(3) == 1 && stride == 1 && padding == 0 &&
         x.is_cpu() && x.scalar_type() == at::kFloat && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor product(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride,
                   int64_t padding) {
  if (winogradPays(x, weight, stride, padding)) return cpu::winograd(x, weight, bias);
  if (gatheringPays(x, weight, stride, padding)) return cpu::matrixUnitConvolution(x, weight, bias, stride);
  if (isProduct(x, weight, stride, padding)) {
    return affine(x.permute({0, 2, 3, 1}), weight.flatten(1), bias).permute({0, 3, 1, 2});
  }
  return at::conv2d(x, weight, bias, stride, padding);
}

class Convolution : public torch::autograd::Function<Convolution> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, int64_t stride, int64_t padding) {
    context->save_for_backward({weight.requires_grad() ? x : at::Tensor(), weight});
    context->saved_data["sizes"] = x.sizes().vec();
    context->saved_data["format"] = static_cast<int64_t>(x.suggest_memory_format());
    context->saved_data["geometry"] = std::vector<int64_t>{stride, padding};
    return product(x, weight, bias, stride, padding);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& weight = saved[1];
    const auto geometry = context->saved_data["geometry"].toIntVector();
    const int64_t stride = geometry[0], padding = geometry[1];
    const auto format = static_cast<at::MemoryFormat>(context->saved_data["format"].toInt());
    const at::Tensor grad = gradients[0].contiguous(format);
    std::array<bool, 3> wanted{context->needs_input_grad(0), context->needs_input_grad(1),
                               context->needs_input_grad(2)};
    variable_list result(5);
    const auto give = [&](size_t i, const at::Tensor& gradient) {
      result[i] = gradient;
      wanted[i] = false;
    };
    if (wanted[0] && winogradPays(grad, weight.transpose(0, 1), stride, padding)) {
      give(0, cpu::winograd(grad, weight, {}, /*turned=*/true));
    }
    if (wanted[1] && winogradPays(saved[0], weight, stride, padding) &&
        cpu::winogradGradientPays(saved[0], weight)) {
      give(1, cpu::winogradKernelGradient(saved[0], grad));
    }
    if (wanted == std::array{false, false, true}) give(2, grad.sum({0, 2, 3}));
    if (wanted == std::array<bool, 3>{}) return result;
    // Where the kernel isn't trained, only the shape of x is read.
    const at::Tensor x =
        saved[0].defined() ? saved[0]
                           : at::empty(context->saved_data["sizes"].toIntVector(), weight.options(), format);
    auto [of_x, of_weight, of_bias] = at::convolution_backward(
        grad, x, weight, /*bias_sizes=*/at::OptionalIntArrayRef({weight.size(0)}),
        /*stride=*/{stride, stride}, /*padding=*/{padding, padding}, /*dilation=*/{1, 1},
        /*transposed=*/false, /*output_padding=*/{0, 0}, /*groups=*/1, wanted);
    if (wanted[0]) result[0] = of_x;
    if (wanted[1]) result[1] = of_weight;
    if (wanted[2]) result[2] = of_bias;
    return result;
  }
};

}  // namespace

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride,
                    int64_t padding) {
  const bool records =
      c10::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad() || bias.requires_grad());
  return records ? Convolution::apply(x, weight, bias, stride, padding)
                 : product(x, weight, bias, stride, padding);
}

}  // namespace cameo::nn
