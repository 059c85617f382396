#include "pipeline/resample.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cameo::pipeline {

namespace {

// As Pillow has them: weights are whole numbers of so many bits behind the point.
constexpr int kWeightBits = 32 - 8 - 2;

double box(double x) {
  return x > -0.5 && x <= 0.5 ? 1 : 0;
}

double bilinear(double x) {
  return std::max(1 - std::abs(x), 0.0);
}

double bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * kA : 0;
}

double lanczos(double x) {
  const auto sinc = [](double at) {
    at *= std::numbers::pi;
    return at == 0 ? 1 : std::sin(at) / at;
  };
  return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

struct FilterShape {
  double (*weight)(double x);
  double support;  // to each side
};

FilterShape shapeOf(Filter filter) {
  switch (filter) {
    case Filter::Box:
      return {box, 0.5};
    case Filter::Bilinear:
      return {bilinear, 1};
    case Filter::Bicubic:
      return {bicubic, 2};
    case Filter::Lanczos:
      break;
  }
  return {lanczos, 3};
}

/// What one number of the result is made of.
struct Taps {
  int64_t first = 0;
  std::vector<int32_t> weights;
};

/// Of a line of `from` numbers that becomes one of `to`: of `count` of these from `begin` on.
std::vector<Taps> tapsOf(const FilterShape& filter, int64_t from, int64_t to, int64_t begin, int64_t count) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double filter_scale = std::max(scale, 1.0);
  const double support = filter.support * filter_scale;
  std::vector<Taps> line(count);
  std::vector<double> weights;
  for (int64_t i = 0; i < count; ++i) {
    const double center = (static_cast<double>(begin + i) + 0.5) * scale;
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(center - support + 0.5), 0);
    const int64_t end = std::min(static_cast<int64_t>(center + support + 0.5), from);
    weights.clear();
    double sum = 0;
    for (int64_t x = first; x < end; ++x) {
      weights.push_back(filter.weight((static_cast<double>(x) - center + 0.5) * (1.0 / filter_scale)));
      sum += weights.back();
    }
    line[i].first = first;
    for (const double weight : weights) {
      const double whole = (sum == 0 ? weight : weight / sum) * (1 << kWeightBits);
      line[i].weights.push_back(static_cast<int32_t>(whole + (whole < 0 ? -0.5 : 0.5)));
    }
  }
  return line;
}

uint8_t toByte(int64_t sum) {
  return static_cast<uint8_t>(std::clamp<int64_t>(sum >> kWeightBits, 0, 255));
}

/// `count` lines of numbers that lie `step` apart: from `source`, whose lines begin `source_line` apart, into
/// `target`.
struct Lines {
  int64_t count, step, source_line, target_line;
};

void resampleLines(const uint8_t* source, uint8_t* target, const std::vector<Taps>& taps,
                   const Lines& lines) {
  at::parallel_for(0, lines.count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      const uint8_t* from = source + line * lines.source_line;
      uint8_t* to = target + line * lines.target_line;
      for (const Taps& tap : taps) {
        const uint8_t* first = from + tap.first * lines.step;
        int64_t sum = int64_t{1} << (kWeightBits - 1);
        for (const int32_t weight : tap.weights) {
          sum += static_cast<int64_t>(weight) * *first;
          first += lines.step;
        }
        *to = toByte(sum);
        to += lines.step;
      }
    }
  });
}

/// With `taps.size()` columns.
RgbImage withColumns(const RgbImage& image, const std::vector<Taps>& taps) {
  const auto width = static_cast<int64_t>(taps.size());
  RgbImage result{std::vector<uint8_t>(3 * width * image.height), width, image.height};
  for (int64_t channel = 0; channel < 3; ++channel) {
    resampleLines(image.data.data() + channel, result.data.data() + channel, taps,
                  {image.height, 3, 3 * image.width, 3 * width});
  }
  return result;
}

/// With `taps.size()` rows.
RgbImage withRows(const RgbImage& image, const std::vector<Taps>& taps) {
  const auto height = static_cast<int64_t>(taps.size());
  RgbImage result{std::vector<uint8_t>(3 * image.width * height), image.width, height};
  resampleLines(image.data.data(), result.data.data(), taps, {3 * image.width, 3 * image.width, 1, 1});
  return result;
}

}  // namespace

RgbImage resize(const RgbImage& image, Filter filter, int64_t width, int64_t height, const Box& box) {
  const FilterShape shape = shapeOf(filter);
  const std::vector<Taps> columns = tapsOf(shape, image.width, width, box.left, box.width),
                          rows = tapsOf(shape, image.height, height, box.top, box.height);
  const int64_t lost_rows = image.height - height, lost_columns = image.width - width;
  // As Pillow orders them since 13, where that is faster; what is between the two is rounded.
  if (lost_rows > 0 && lost_rows > 2 * lost_columns) return withColumns(withRows(image, rows), columns);
  return withRows(withColumns(image, columns), rows);
}

RgbImage fitOnWhite(const RgbImage& image, int64_t width, int64_t height) {
  const double ratio = static_cast<double>(image.width) / static_cast<double>(image.height);
  const auto w = static_cast<double>(width), h = static_cast<double>(height);
  const bool is_wider = ratio > w / h;
  const int64_t inner_width = is_wider ? width : std::max<int64_t>(static_cast<int64_t>(h * ratio), 1);
  const int64_t inner_height = is_wider ? std::max<int64_t>(static_cast<int64_t>(w / ratio), 1) : height;
  const bool is_there = image.width == inner_width && image.height == inner_height;
  const RgbImage inner =
      is_there ? image
               : resize(image, Filter::Lanczos, inner_width, inner_height, {0, 0, inner_width, inner_height});
  RgbImage result{std::vector<uint8_t>(3 * width * height, 255), width, height};
  const int64_t left = (width - inner_width) / 2, top = (height - inner_height) / 2;
  for (int64_t row = 0; row < inner_height; ++row) {
    const auto from = inner.data.begin() + 3 * row * inner_width;
    std::copy(from, from + 3 * inner_width, result.data.begin() + 3 * ((top + row) * width + left));
  }
  return result;
}

}  // namespace cameo::pipeline
