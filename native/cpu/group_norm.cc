#include "cpu/group_norm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "cpu/pieces.h"
#include "cpu/vector.h"

namespace cameo::cpu {

namespace {

constexpr int64_t kRows = 64;  // positions at a time, which stay in a core's cache

/// x (N, C, ...), channels-last, as (samples, positions, channels) in parts of some positions: enough of them
/// for all threads, however few samples there are.
struct Shape {
  int64_t samples, positions, channels, part, parts;

  explicit Shape(const at::Tensor& x)
      : samples(x.size(0)), positions(x.numel() / (x.size(0) * x.size(1))), channels(x.size(1)) {
    const int64_t wanted = (4 * at::get_num_threads() + samples - 1) / samples;
    part = std::max(kRows, (positions + wanted - 1) / wanted);
    parts = (positions + part - 1) / part;
  }

  int64_t at(int64_t sample, int64_t position) const { return (sample * positions + position) * channels; }

  /// Calls `each(index, sample, first, last)` for the positions `first` to `last` of all parts, on all
  /// threads.
  template <typename Each>
  void forEachPart(const Each& each) const {
    forEachPiece(samples * parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t first = i % parts * part;
        each(i, i / parts, first, std::min(first + part, positions));
      }
    });
  }
};

/// Two sums for each channel of each sample.
struct Sums {
  int64_t channels;
  std::vector<double> values;

  Sums(int64_t rows, int64_t channels) : channels(channels), values(2 * rows * channels) {}

  double* first(int64_t row) { return values.data() + 2 * row * channels; }
  double* second(int64_t row) { return first(row) + channels; }
};

/// The sums over all positions of each sample, of those that `add(sample, first, last, one, other)` makes of
/// its parts. Parts are added in their order, so that the result does not depend on which thread was first.
template <typename Add>
Sums sumsOf(const Shape& shape, const Add& add) {
  Sums parts(shape.samples * shape.parts, shape.channels), result(shape.samples, shape.channels);
  shape.forEachPart([&](int64_t i, int64_t sample, int64_t first, int64_t last) {
    add(sample, first, last, parts.first(i), parts.second(i));
  });
  for (int64_t i = 0; i < shape.samples * shape.parts; ++i) {
    double* sum = result.first(i / shape.parts);
    const double* part = parts.first(i);
    for (int64_t c = 0; c < 2 * shape.channels; ++c) sum[c] += part[c];
  }
  return result;
}

/// A normalised channel as a line: z = scale x + shift, in floats for each channel of each sample.
struct Lines {
  std::vector<float> scale, shift;

  Lines(const at::Tensor& mean, const at::Tensor& inverse, const GroupNormParameters& parameters)
      : scale(mean.size(0) * parameters.weight.size(0)), shift(scale.size()) {
    const int64_t channels = parameters.weight.size(0), size = channels / parameters.groups;
    const float *w = parameters.weight.const_data_ptr<float>(), *b = parameters.bias.const_data_ptr<float>();
    const float *m = mean.const_data_ptr<float>(), *r = inverse.const_data_ptr<float>();
    for (size_t i = 0; i < scale.size(); ++i) {
      const size_t channel = i % channels, group = i / size;
      scale[i] = w[channel] * r[group];
      shift[i] = b[channel] - m[group] * scale[i];
    }
  }
};

GroupNormParameters inFloats(const GroupNormParameters& given) {
  return {given.weight.to(at::kFloat).contiguous(), given.bias.to(at::kFloat).contiguous(), given.groups,
          given.silu};
}

#if CAMEO_CPU_KERNELS

CAMEO_INLINE Vector sigmoid(const Vector& z) {
  return 1 / (1 + exponential(-z));
}

CAMEO_INLINE void addTo(double* sums, const Vector& values) {
  *reinterpret_cast<Doubles*>(sums) += __builtin_convertvector(values, Doubles);
}

/// Sums of x and of x^2 over rows (rows, channels).
template <typename Number>
CAMEO_INLINE void addMomentsOf(const Number* x, int64_t rows, int64_t channels, double* sums,
                               double* squares) {
  for (int64_t row = 0; row < rows; row += kRows) {
    const int64_t last = std::min(row + kRows, rows);
    for (int64_t c = 0; c < channels; c += kLanes) {
      Vector sum{}, square{};
      for (int64_t i = row; i < last; ++i) {
        const Vector value = load(x + i * channels + c);
        sum += value;
        square += value * value;
      }
      addTo(sums + c, sum);
      addTo(squares + c, square);
    }
  }
}

CAMEO_FOR_EACH_CPU void addMoments(const float* x, int64_t rows, int64_t channels, double* sums,
                                   double* squares) {
  addMomentsOf(x, rows, channels, sums, squares);
}

CAMEO_FOR_EACH_CPU void addMoments(const c10::BFloat16* x, int64_t rows, int64_t channels, double* sums,
                                   double* squares) {
  addMomentsOf(x, rows, channels, sums, squares);
}

template <typename Number>
CAMEO_INLINE void normaliseRows(const Number* x, int64_t rows, int64_t channels, const float* scale,
                                const float* shift, bool silu, Number* y) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < channels; c += kLanes) {
      const Vector z = load(x + i * channels + c) * load(scale + c) + load(shift + c);
      store(y + i * channels + c, silu ? z * sigmoid(z) : z);
    }
  }
}

CAMEO_FOR_EACH_CPU void normalise(const float* x, int64_t rows, int64_t channels, const float* scale,
                                  const float* shift, bool silu, float* y) {
  normaliseRows(x, rows, channels, scale, shift, silu, y);
}

CAMEO_FOR_EACH_CPU void normalise(const c10::BFloat16* x, int64_t rows, int64_t channels, const float* scale,
                                  const float* shift, bool silu, c10::BFloat16* y) {
  normaliseRows(x, rows, channels, scale, shift, silu, y);
}

/// The gradient of z: through z sigmoid(z) where that follows.
CAMEO_INLINE Vector gradientOfLine(const Vector& grad, const Vector& x, const Vector& scale,
                                   const Vector& shift, bool silu) {
  if (!silu) return grad;
  const Vector z = x * scale + shift, s = sigmoid(z);
  return grad * s * (1 + z * (1 - s));
}

/// Sums over rows of g, the gradient of z, and of g x.
CAMEO_FOR_EACH_CPU void addGradients(const float* grad, const float* x, int64_t rows, int64_t channels,
                                     const float* scale, const float* shift, bool silu, double* sums,
                                     double* products) {
  for (int64_t row = 0; row < rows; row += kRows) {
    const int64_t last = std::min(row + kRows, rows);
    for (int64_t c = 0; c < channels; c += kLanes) {
      const Vector a = load(scale + c), b = load(shift + c);
      Vector sum{}, product{};
      for (int64_t i = row; i < last; ++i) {
        const Vector value = load(x + i * channels + c);
        const Vector g = gradientOfLine(load(grad + i * channels + c), value, a, b, silu);
        sum += g;
        product += g * value;
      }
      addTo(sums + c, sum);
      addTo(products + c, product);
    }
  }
}

/// scale g + of_x x + constant, with g the gradient of z.
CAMEO_FOR_EACH_CPU void spreadGradients(const float* grad, const float* x, int64_t rows, int64_t channels,
                                        const float* scale, const float* shift, bool silu, const float* of_x,
                                        const float* constant, float* result) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t c = 0; c < channels; c += kLanes) {
      const Vector value = load(x + i * channels + c), a = load(scale + c);
      const Vector g = gradientOfLine(load(grad + i * channels + c), value, a, load(shift + c), silu);
      store(result + i * channels + c, a * g + load(of_x + c) * value + load(constant + c));
    }
  }
}

#endif

}  // namespace

bool groupNormTakes(const at::Tensor& x) {
#if CAMEO_CPU_KERNELS
  const bool known = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return x.is_cpu() && known && x.dim() == 4 && x.numel() > 0 && x.size(1) % kLanes == 0 &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast);
#else
  return false;
#endif
}

#if CAMEO_CPU_KERNELS

namespace {

template <typename Number>
GroupMoments momentsOf(const at::Tensor& x, int64_t groups, double eps) {
  const Shape shape(x);
  GroupMoments result{at::empty({shape.samples, groups}, at::kFloat), {}};
  result.inverse = at::empty_like(result.mean);
  const Number* from = x.const_data_ptr<Number>();
  Sums sums = sumsOf(shape, [&](int64_t sample, int64_t first, int64_t last, double* one, double* other) {
    addMoments(from + shape.at(sample, first), last - first, shape.channels, one, other);
  });
  const int64_t size = shape.channels / groups;
  const double numbers = static_cast<double>(size * shape.positions);
  float *mean = result.mean.mutable_data_ptr<float>(), *inverse = result.inverse.mutable_data_ptr<float>();
  for (int64_t i = 0; i < shape.samples * groups; ++i) {
    const int64_t sample = i / groups, channel = i % groups * size;
    const auto total = [&](const double* values) {
      return std::accumulate(values, values + size, 0.0) / numbers;
    };
    const double m = total(sums.first(sample) + channel), square = total(sums.second(sample) + channel);
    mean[i] = static_cast<float>(m);
    inverse[i] = static_cast<float>(1 / std::sqrt(std::max(0.0, square - m * m) + eps));
  }
  return result;
}

template <typename Number>
Normed normed(const at::Tensor& x, const GroupNormParameters& parameters, double eps) {
  const Shape shape(x);
  const GroupMoments moments = momentsOf<Number>(x, parameters.groups, eps);
  Normed result{at::empty_like(x), moments.mean, moments.inverse};
  const Number* from = x.const_data_ptr<Number>();
  const Lines lines(result.mean, result.inverse, parameters);
  Number* to = result.y.mutable_data_ptr<Number>();
  shape.forEachPart([&](int64_t, int64_t sample, int64_t first, int64_t last) {
    normalise(from + shape.at(sample, first), last - first, shape.channels,
              lines.scale.data() + sample * shape.channels, lines.shift.data() + sample * shape.channels,
              parameters.silu, to + shape.at(sample, first));
  });
  return result;
}

}  // namespace

#endif

GroupMoments groupMoments(const at::Tensor& x, int64_t groups, double eps) {
#if CAMEO_CPU_KERNELS
  return x.scalar_type() == at::kFloat ? momentsOf<float>(x, groups, eps)
                                       : momentsOf<c10::BFloat16>(x, groups, eps);
#else
  return {};
#endif
}

Normed groupNorm(const at::Tensor& x, const GroupNormParameters& given, double eps) {
#if CAMEO_CPU_KERNELS
  const GroupNormParameters parameters = inFloats(given);
  return x.scalar_type() == at::kFloat ? normed<float>(x, parameters, eps)
                                       : normed<c10::BFloat16>(x, parameters, eps);
#else
  return {};
#endif
}

/// With m and r a group's mean and inverse deviation over its n numbers, g the gradient of z = weight (x - m)
/// r + bias and sums over a channel's positions, in a group also over its channels:
///   of weight: sum of (sum(g x) - m sum(g)) r over the samples, of bias: sum of sum(g),
///   of x: r weight g + b x - b m - r sum(weight g) / n, b = r^3 (m sum(weight g) - sum(weight g x)) / n.
GroupNormGradients groupNormBackward(const at::Tensor& grad, const at::Tensor& x, const at::Tensor& mean,
                                     const at::Tensor& inverse, const GroupNormParameters& given,
                                     bool wants_x) {
  const GroupNormParameters parameters = inFloats(given);
  const Shape shape(x);
  GroupNormGradients result{wants_x ? at::empty_like(x) : at::Tensor(), at::zeros_like(parameters.weight),
                            at::zeros_like(parameters.bias)};
#if CAMEO_CPU_KERNELS
  const Lines lines(mean, inverse, parameters);
  const float *g = grad.const_data_ptr<float>(), *from = x.const_data_ptr<float>();
  const auto scale = [&](int64_t sample) { return lines.scale.data() + sample * shape.channels; };
  const auto shift = [&](int64_t sample) { return lines.shift.data() + sample * shape.channels; };
  Sums sums = sumsOf(shape, [&](int64_t sample, int64_t first, int64_t last, double* one, double* other) {
    const int64_t at = shape.at(sample, first);
    addGradients(g + at, from + at, last - first, shape.channels, scale(sample), shift(sample),
                 parameters.silu, one, other);
  });

  const int64_t size = shape.channels / parameters.groups;
  const double numbers = static_cast<double>(size * shape.positions);
  const float *m = mean.const_data_ptr<float>(), *r = inverse.const_data_ptr<float>();
  const float* weight = parameters.weight.const_data_ptr<float>();
  float *of_weight = result.weight.mutable_data_ptr<float>(),
        *of_bias = result.bias.mutable_data_ptr<float>();
  std::vector<float> of_x(shape.samples * shape.channels), constant(of_x.size());
  for (int64_t i = 0; i < shape.samples * parameters.groups; ++i) {
    const int64_t sample = i / parameters.groups, channel = i % parameters.groups * size;
    const double *sum = sums.first(sample) + channel, *product = sums.second(sample) + channel;
    double weighted = 0, weighted_product = 0;
    for (int64_t c = 0; c < size; ++c) {
      weighted += weight[channel + c] * sum[c];
      weighted_product += weight[channel + c] * product[c];
      of_weight[channel + c] += static_cast<float>((product[c] - m[i] * sum[c]) * r[i]);
      of_bias[channel + c] += static_cast<float>(sum[c]);
    }
    const double b = std::pow(r[i], 3) * (m[i] * weighted - weighted_product) / numbers;
    const auto at = of_x.begin() + sample * shape.channels + channel;
    std::fill_n(at, size, static_cast<float>(b));
    std::fill_n(constant.begin() + (at - of_x.begin()), size,
                static_cast<float>(-b * m[i] - r[i] * weighted / numbers));
  }
  if (!wants_x) return result;
  float* to = result.x.mutable_data_ptr<float>();
  shape.forEachPart([&](int64_t, int64_t sample, int64_t first, int64_t last) {
    const int64_t at = shape.at(sample, first), line = sample * shape.channels;
    spreadGradients(g + at, from + at, last - first, shape.channels, scale(sample), shift(sample),
                    parameters.silu, of_x.data() + line, constant.data() + line, to + at);
  });
#endif
  return result;
}

}  // namespace cameo::cpu
