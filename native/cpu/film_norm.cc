#include "cpu/film_norm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "cpu/pieces.h"
#include "cpu/vector.h"

namespace cameo::cpu {

#if CAMEO_CPU_KERNELS

namespace {

/// One row of a frame.
struct FilmRow {
  int64_t width, channels;
  const float *scale, *shift;               // a normalised channel as a line
  const float *of_place, *added = nullptr;  // (w, channels); null without places
  int64_t columns = 1;                      // w
  bool silu;
};

template <typename Number>
CAMEO_INLINE void normaliseRow(const FilmRow& row, const Number* x, Number* y) {
  for (int64_t i = 0; i < row.width; ++i) {
    const int64_t place = i * row.columns / row.width * row.channels;
    for (int64_t c = 0; c < row.channels; c += kLanes) {
      Vector z = load(x + i * row.channels + c) * load(row.scale + c) + load(row.shift + c);
      if (row.of_place) z = z * load(row.of_place + place + c) + load(row.added + place + c);
      store(y + i * row.channels + c, row.silu ? z / (1 + exponential(-z)) : z);
    }
  }
}

CAMEO_FOR_EACH_CPU void normaliseFilmRow(const FilmRow& row, const float* x, float* y) {
  normaliseRow(row, x, y);
}

CAMEO_FOR_EACH_CPU void normaliseFilmRow(const FilmRow& row, const c10::BFloat16* x, c10::BFloat16* y) {
  normaliseRow(row, x, y);
}

template <typename Number>
void normaliseFilm(const at::Tensor& x, const FilmRow& line, const Places* places, const at::Tensor& y) {
  const int64_t height = x.size(2), numbers = line.width * line.channels;
  const Number* from = x.const_data_ptr<Number>();
  Number* to = y.mutable_data_ptr<Number>();
  const int64_t rows = x.size(0) * height;
  forEachPiece(rows, pieceOf(rows, 1), [&](int64_t begin, int64_t end) {
    FilmRow row = line;
    for (int64_t i = begin; i < end; ++i) {
      if (places) {
        const int64_t place_rows = places->scale.size(1);
        const int64_t at = (places->frames[i / height] * place_rows + i % height * place_rows / height) *
                           line.columns * line.channels;
        row.of_place = places->scale.const_data_ptr<float>() + at;
        row.added = places->shift.const_data_ptr<float>() + at;
      }
      normaliseFilmRow(row, from + i * numbers, to + i * numbers);
    }
  });
}

/// Of `rows` positions.
template <typename Number>
CAMEO_INLINE void rmsRows(const Number* x, const float* weight, int64_t rows, int64_t channels, Number* y) {
  for (int64_t i = 0; i < rows; ++i, x += channels, y += channels) {
    Vector squares{};
    for (int64_t c = 0; c < channels; c += kLanes) squares += load(x + c) * load(x + c);
    const float norm = std::max(std::sqrt(sum(squares)), 1e-12f);
    const float scale = std::sqrt(static_cast<float>(channels)) / norm;
    for (int64_t c = 0; c < channels; c += kLanes) {
      const Vector z = load(x + c) * scale * load(weight + c);
      store(y + c, z / (1 + exponential(-z)));
    }
  }
}

CAMEO_FOR_EACH_CPU void rmsNormRows(const float* x, const float* weight, int64_t rows, int64_t channels,
                                    float* y) {
  rmsRows(x, weight, rows, channels, y);
}

CAMEO_FOR_EACH_CPU void rmsNormRows(const c10::BFloat16* x, const float* weight, int64_t rows,
                                    int64_t channels, c10::BFloat16* y) {
  rmsRows(x, weight, rows, channels, y);
}

template <typename Number>
void rmsNormFilm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& y) {
  constexpr int64_t least = 64;  // positions at a time
  const int64_t channels = x.size(1), positions = x.numel() / channels;
  const Number* from = x.const_data_ptr<Number>();
  Number* to = y.mutable_data_ptr<Number>();
  const float* w = weight.const_data_ptr<float>();
  forEachPiece(positions, pieceOf(positions, least), [&](int64_t begin, int64_t end) {
    rmsNormRows(from + begin * channels, w, end - begin, channels, to + begin * channels);
  });
}

}  // namespace

#endif

void rmsNormSilu(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& y) {
#if CAMEO_CPU_KERNELS
  const at::Tensor w = weight.to(at::kFloat).contiguous();
  if (x.scalar_type() == at::kFloat) {
    rmsNormFilm<float>(x, w, y);
  } else {
    rmsNormFilm<c10::BFloat16>(x, w, y);
  }
#endif
}

void filmNorm(const at::Tensor& x, const GroupNormParameters& given, double eps, const Places* places,
              const at::Tensor& y) {
#if CAMEO_CPU_KERNELS
  // All frames one below the other are one picture.
  const at::Tensor picture = x.permute({0, 2, 3, 1}).flatten(0, 1).unsqueeze(0).permute({0, 3, 1, 2});
  const GroupMoments moments = groupMoments(picture, given.groups, eps);
  const at::Tensor weight = given.weight.to(at::kFloat).view({given.groups, -1});
  const at::Tensor scale = weight.mul(moments.inverse.view({-1, 1})).contiguous();
  const at::Tensor shift =
      given.bias.to(at::kFloat).view({given.groups, -1}).sub(scale.mul(moments.mean.view({-1, 1})));
  const FilmRow line{.width = x.size(3),
                     .channels = x.size(1),
                     .scale = scale.const_data_ptr<float>(),
                     .shift = shift.const_data_ptr<float>(),
                     .of_place = nullptr,
                     .columns = places ? places->scale.size(2) : 1,
                     .silu = given.silu};
  if (x.scalar_type() == at::kFloat) {
    normaliseFilm<float>(x, line, places, y);
  } else {
    normaliseFilm<c10::BFloat16>(x, line, places, y);
  }
#endif
}

}  // namespace cameo::cpu
