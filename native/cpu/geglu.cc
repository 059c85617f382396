#include "cpu/geglu.h"

#include <ATen/ATen.h>

#include <vector>

#include "cpu/gelu.h"
#include "cpu/pieces.h"
#include "cpu/vector.h"

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kRowsAtLeast = 4;  // of a piece

template <typename Number>
CAMEO_INLINE void gateAll(const Number* hidden, int64_t rows, int64_t width, Number* result) {
  for (int64_t i = 0; i < rows; ++i) {
    const Number *values = hidden + i * 2 * width, *gates = values + width;
    for (int64_t c = 0; c < width; c += kLanes) {
      const Vector gate = load(gates + c);
      store(result + i * width + c, load(values + c) * gelu(gate));
    }
  }
}

CAMEO_FOR_EACH_CPU void gateRows(const float* hidden, int64_t rows, int64_t width, float* result) {
  gateAll(hidden, rows, width, result);
}

CAMEO_FOR_EACH_CPU void gateRows(const c10::BFloat16* hidden, int64_t rows, int64_t width,
                                 c10::BFloat16* result) {
  gateAll(hidden, rows, width, result);
}

CAMEO_FOR_EACH_CPU void differentiateRows(const float* grad, const float* hidden, int64_t rows, int64_t width,
                                          float* result) {
  for (int64_t i = 0; i < rows; ++i) {
    const float *values = hidden + i * 2 * width, *gates = values + width;
    float *of_values = result + i * 2 * width, *of_gates = of_values + width;
    for (int64_t c = 0; c < width; c += kLanes) {
      const Vector g = load(grad + i * width + c), gate = load(gates + c);
      const Normal normal = normalAt(gate);
      store(of_values + c, g * gate * normal.below);
      store(of_gates + c, g * load(values + c) * (normal.below + gate * normal.density));
    }
  }
}

/// Calls `each(first, rows)` on all threads.
template <typename Each>
void forRows(const at::Tensor& hidden, const Each& each) {
  const int64_t rows = hidden.numel() / hidden.size(-1);
  forEachPiece(rows, pieceOf(rows, kRowsAtLeast),
               [&](int64_t begin, int64_t end) { each(begin, end - begin); });
}

#endif

}  // namespace

bool gegluTakes(const at::Tensor& hidden) {
#if CAMEO_CPU_KERNELS
  const bool known = hidden.scalar_type() == at::kFloat || hidden.scalar_type() == at::kBFloat16;
  return hidden.is_cpu() && known && hidden.is_contiguous() && hidden.size(-1) % (2 * kLanes) == 0 &&
         hidden.numel() > 0;
#else
  return false;
#endif
}

at::Tensor geglu(const at::Tensor& hidden) {
  const int64_t width = hidden.size(-1) / 2;
  std::vector<int64_t> shape = hidden.sizes().vec();
  shape.back() = width;
  const at::Tensor result = at::empty(shape, hidden.options());
#if CAMEO_CPU_KERNELS
  const auto gate = [&](const auto* from, auto* to) {
    forRows(hidden, [&](int64_t first, int64_t rows) {
      gateRows(from + first * 2 * width, rows, width, to + first * width);
    });
  };
  if (hidden.scalar_type() == at::kFloat) {
    gate(hidden.const_data_ptr<float>(), result.mutable_data_ptr<float>());
  } else {
    gate(hidden.const_data_ptr<c10::BFloat16>(), result.mutable_data_ptr<c10::BFloat16>());
  }
#endif
  return result;
}

at::Tensor gegluBackward(const at::Tensor& gradient, const at::Tensor& hidden) {
  const at::Tensor grad = gradient.contiguous(), result = at::empty_like(hidden);
#if CAMEO_CPU_KERNELS
  const int64_t width = hidden.size(-1) / 2;
  const float *g = grad.const_data_ptr<float>(), *from = hidden.const_data_ptr<float>();
  float* to = result.mutable_data_ptr<float>();
  forRows(hidden, [&](int64_t first, int64_t rows) {
    differentiateRows(g + first * width, from + first * 2 * width, rows, width, to + first * 2 * width);
  });
#endif
  return result;
}

}  // namespace cameo::cpu
