#include "nn/convolution.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace cameo::nn {

namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

class FrozenConvolution : public torch::autograd::Function<FrozenConvolution> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, int64_t stride, int64_t padding) {
    context->save_for_backward({weight});
    context->saved_data["sizes"] = x.sizes().vec();
    context->saved_data["format"] = static_cast<int64_t>(x.suggest_memory_format());
    context->saved_data["geometry"] = std::vector<int64_t>{stride, padding};
    return at::conv2d(x, weight, bias, stride, padding);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const at::Tensor weight = context->get_saved_variables()[0];
    const auto geometry = context->saved_data["geometry"].toIntVector();
    const auto format = static_cast<at::MemoryFormat>(context->saved_data["format"].toInt());
    // Only its shape is read.
    const at::Tensor x = at::empty(context->saved_data["sizes"].toIntVector(), weight.options(), format);
    const auto result = at::convolution_backward(
        gradients[0], x, weight, /*bias_sizes=*/std::nullopt, /*stride=*/{geometry[0], geometry[0]},
        /*padding=*/{geometry[1], geometry[1]}, /*dilation=*/{1, 1}, /*transposed=*/false,
        /*output_padding=*/{0, 0}, /*groups=*/1, /*output_mask=*/{true, false, false});
    return {std::get<0>(result), {}, {}, {}, {}};
  }
};

}  // namespace

at::Tensor convolve(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, int64_t stride,
                    int64_t padding) {
  const bool is_trained = weight.requires_grad() || bias.requires_grad();
  if (is_trained || !x.requires_grad() || !c10::GradMode::is_enabled()) {
    return at::conv2d(x, weight, bias, stride, padding);
  }
  return FrozenConvolution::apply(x, weight, bias, stride, padding);
}

}  // namespace cameo::nn
