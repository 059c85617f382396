#include "cpu/head_norm.h"

#include <ATen/ATen.h>

#include <cmath>

#include "cpu/pieces.h"
#include "cpu/vector.h"

namespace cameo::cpu {

namespace {

#if CAMEO_CPU_KERNELS

constexpr int64_t kTokensAtLeast = 4;  // of a piece

/// Of one token, as pointers: null cosines where it isn't turned.
struct HeadRow {
  int64_t heads, stride, size;
  const float *weight, *bias, *cos, *sin;
  float eps;
};

CAMEO_INLINE Vector pairsSwapped(const Vector& x) {
  return __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
}

template <typename Number>
CAMEO_INLINE void normEachHead(Number* x, const HeadRow& row) {
  const auto count = static_cast<float>(row.size);
  for (int64_t head = 0; head < row.heads; ++head, x += row.stride) {
    Vector numbers{}, squares{};
    for (int64_t c = 0; c < row.size; c += kLanes) numbers += load(x + c);
    const float mean = sum(numbers) / count;
    for (int64_t c = 0; c < row.size; c += kLanes) {
      const Vector apart = load(x + c) - mean;
      squares += apart * apart;
    }
    const float inverse = 1 / std::sqrt(sum(squares) / count + row.eps);
    for (int64_t c = 0; c < row.size; c += kLanes) {
      const Vector y = (load(x + c) - mean) * inverse * load(row.weight + c) + load(row.bias + c);
      if (row.cos == nullptr) {
        store(x + c, y);
      } else {
        store(x + c, y * load(row.cos + c) + pairsSwapped(y) * load(row.sin + c));
      }
    }
  }
}

CAMEO_FOR_EACH_CPU void normRow(float* x, const HeadRow& row) {
  normEachHead(x, row);
}

CAMEO_FOR_EACH_CPU void normRow(c10::BFloat16* x, const HeadRow& row) {
  normEachHead(x, row);
}

/// Of one token: null cosines where it isn't turned.
struct WidthRow {
  int64_t width, head_size;
  const float *weight, *cos, *sin;
  float eps;
};

template <typename Number>
CAMEO_INLINE void normWholeRow(Number* x, const WidthRow& row) {
  Vector squares{};
  for (int64_t c = 0; c < row.width; c += kLanes) {
    const Vector numbers = load(x + c);
    squares += numbers * numbers;
  }
  const float inverse = 1 / std::sqrt(sum(squares) / static_cast<float>(row.width) + row.eps);
  for (int64_t head = 0; head < row.width; head += row.head_size) {
    for (int64_t c = 0; c < row.head_size; c += kLanes) {
      const Vector y = load(x + head + c) * inverse * load(row.weight + head + c);
      if (row.cos == nullptr) {
        store(x + head + c, y);
      } else {
        store(x + head + c, y * load(row.cos + c) + pairsSwapped(y) * load(row.sin + c));
      }
    }
  }
}

CAMEO_FOR_EACH_CPU void normWidthOf(float* x, const WidthRow& row) {
  normWholeRow(x, row);
}

CAMEO_FOR_EACH_CPU void normWidthOf(c10::BFloat16* x, const WidthRow& row) {
  normWholeRow(x, row);
}

at::Tensor inFloats(const at::Tensor& values) {
  return values.defined() ? values.to(at::kFloat).contiguous() : values;
}

/// A table's numbers from `place` on; null without a table.
const float* numbersAt(const at::Tensor& table, int64_t place) {
  return table.defined() ? table.const_data_ptr<float>() + place : nullptr;
}

bool hasKnownType(const at::Tensor& x) {
  return x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
}

/// Calls `norm(numbers, i)` for each token of x (B, L, ...), shared out among threads; `numbers` are x's.
template <typename Norm>
void forEachToken(const at::Tensor& x, const Norm& norm) {
  const int64_t tokens = x.size(0) * x.size(1);
  const auto all = [&](auto* numbers) {
    forEachPiece(tokens, pieceOf(tokens, kTokensAtLeast), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) norm(numbers, i);
    });
  };
  if (x.scalar_type() == at::kFloat) {
    all(x.mutable_data_ptr<float>());
  } else {
    all(x.mutable_data_ptr<c10::BFloat16>());
  }
}

#endif

}  // namespace

bool widthNormTakes(const at::Tensor& x, int64_t head_size) {
#if CAMEO_CPU_KERNELS
  return x.is_cpu() && hasKnownType(x) && x.is_contiguous() && head_size % kLanes == 0 && x.numel() > 0;
#else
  return false;
#endif
}

void normWidth(const at::Tensor& x, const WidthNormParameters& parameters) {
#if CAMEO_CPU_KERNELS
  const at::Tensor weight = inFloats(parameters.weight), cos = inFloats(parameters.cos),
                   sin = inFloats(parameters.sin);
  const int64_t tokens = x.size(1), width = x.size(2);
  forEachToken(x, [&](auto* numbers, int64_t i) {
    const int64_t place = i % tokens * parameters.head_size;
    normWidthOf(numbers + i * width, {.width = width,
                                      .head_size = parameters.head_size,
                                      .weight = weight.const_data_ptr<float>(),
                                      .cos = numbersAt(cos, place),
                                      .sin = numbersAt(sin, place),
                                      .eps = static_cast<float>(parameters.eps)});
  });
#endif
}

bool headNormTakes(const at::Tensor& x) {
#if CAMEO_CPU_KERNELS
  return x.is_cpu() && hasKnownType(x) && x.stride(3) == 1 && x.size(3) % kLanes == 0 && x.numel() > 0;
#else
  return false;
#endif
}

void normHeads(const at::Tensor& x, const HeadNormParameters& parameters) {
#if CAMEO_CPU_KERNELS
  const at::Tensor weight = inFloats(parameters.weight), bias = inFloats(parameters.bias),
                   cos = inFloats(parameters.cos), sin = inFloats(parameters.sin);
  const int64_t tokens = x.size(1), size = x.size(3);
  forEachToken(x, [&](auto* numbers, int64_t i) {
    const int64_t sample = i / tokens, token = i % tokens;
    const int64_t place = (token - parameters.first) * size;
    normRow(numbers + sample * x.stride(0) + token * x.stride(1),
            {.heads = x.size(2),
             .stride = x.stride(2),
             .size = size,
             .weight = weight.const_data_ptr<float>(),
             .bias = bias.const_data_ptr<float>(),
             .cos = place >= 0 ? numbersAt(cos, place) : nullptr,
             .sin = place >= 0 ? numbersAt(sin, place) : nullptr,
             .eps = static_cast<float>(parameters.eps)});
  });
#endif
}

}  // namespace cameo::cpu
