#pragma once

#include <ATen/core/Tensor.h>

namespace cameo::cpu {

/// Whether `winograd` can compute the convolution of `x` with a 3x3 kernel of padding 1 and stride 1:
/// channels-last fp32 on a CPU whose matrix kernels libtorch has, channels in multiples of 16.
bool winogradTakes(const at::Tensor& x, const at::Tensor& weight);

/// How many tiles of 4x4 the images (N, C, H, W) have.
int64_t winogradTiles(const at::Tensor& x);

/// x (N, in, H, W), channels-last, with a kernel (out, in, 3, 3) and a bias (out) or none -> (N, out, H, W),
/// channels-last, by F(4x4, 3x3) (arXiv 1509.09308, section 4.3). `turned`: with the kernel that takes the
/// result's gradient back, x (N, out, H, W) -> (N, in, H, W). A quarter of the direct form's multiplications;
/// its error is some 1e-5 of the largest value instead of 2e-6.
at::Tensor winograd(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                    bool turned = false);

/// The same over time, of what `winogradTakes` with each tap of a kernel (out, in, taps, 3, 3): x (T + taps -
/// 1, in, H, W), consecutive frames -> (T, out, H, W). Products of all taps are summed before they are
/// transformed.
at::Tensor winogradOverTime(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// The gradient of a kernel (out, in, 3, 3) from x and that of the result, (N, out, H, W), channels-last
/// both.
at::Tensor winogradKernelGradient(const at::Tensor& x, const at::Tensor& grad);
/// Whether that, of what `winogradTakes`, takes less time than the direct form: every thread has a sum of its
/// own, four times as large as the kernel.
bool winogradGradientPays(const at::Tensor& x, const at::Tensor& weight);

}  // namespace cameo::cpu
