#include "pipeline/edges.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

namespace cameo::pipeline {

namespace {

/// How steep a picture is at a place, in the channel in which it is steepest.
struct Slope {
  int32_t x = 0;
  int32_t y = 0;
  int32_t size() const { return std::abs(x) + std::abs(y); }
};

/// Slopes of all places, with a frame of zeros around them.
class SlopeField {
 public:
  explicit SlopeField(const RgbImage& image)
      : image_(image), slopes_(static_cast<size_t>((image.width + 2) * (image.height + 2))) {
    for (int64_t y = 0; y < image.height; ++y) {
      for (int64_t x = 0; x < image.width; ++x) slopes_[place(x, y)] = steepest(x, y);
    }
  }

  const Slope& at(int64_t x, int64_t y) const { return slopes_[place(x, y)]; }
  int32_t sizeAt(int64_t x, int64_t y) const { return at(x, y).size(); }

  /// Whether no neighbour along the slope, in one of four directions, is steeper.
  bool isRidge(int64_t x, int64_t y) const {
    constexpr int64_t kTan22 = 13573;  // of 22.5 degrees, times 2^15
    const Slope& slope = at(x, y);
    const int32_t size = slope.size();
    const int64_t across = std::abs(slope.x) * kTan22, down = int64_t{std::abs(slope.y)} << 15;
    if (down < across) return size > sizeAt(x - 1, y) && size >= sizeAt(x + 1, y);
    if (down > across + (int64_t{std::abs(slope.x)} << 16)) {
      return size > sizeAt(x, y - 1) && size >= sizeAt(x, y + 1);
    }
    const int64_t side = (slope.x ^ slope.y) < 0 ? -1 : 1;
    return size > sizeAt(x - side, y - 1) && size > sizeAt(x + side, y + 1);
  }

 private:
  size_t place(int64_t x, int64_t y) const {
    return static_cast<size_t>((y + 1) * (image_.width + 2) + x + 1);
  }

  /// The picture goes on beyond its edges as its outermost pixels are.
  int32_t pixel(int64_t x, int64_t y, int64_t channel) const {
    const int64_t column = std::clamp<int64_t>(x, 0, image_.width - 1);
    const int64_t row = std::clamp<int64_t>(y, 0, image_.height - 1);
    return image_.data[static_cast<size_t>((row * image_.width + column) * 3 + channel)];
  }

  /// By Sobel's kernels.
  Slope steepest(int64_t x, int64_t y) const {
    Slope best;
    for (int64_t channel = 0; channel < 3; ++channel) {
      const auto at = [&](int64_t dx, int64_t dy) { return pixel(x + dx, y + dy, channel); };
      const Slope slope{at(1, -1) - at(-1, -1) + 2 * (at(1, 0) - at(-1, 0)) + at(1, 1) - at(-1, 1),
                        at(-1, 1) - at(-1, -1) + 2 * (at(0, 1) - at(0, -1)) + at(1, 1) - at(1, -1)};
      if (channel == 0 || slope.size() > best.size()) best = slope;
    }
    return best;
  }

  const RgbImage& image_;
  std::vector<Slope> slopes_;
};

}  // namespace

at::Tensor edgesOf(const RgbImage& image, const EdgeThresholds& thresholds) {
  const auto [lower, upper] = std::minmax(thresholds.low, thresholds.high);
  const double low = std::floor(lower), high = std::floor(upper);
  const int64_t width = image.width, height = image.height;
  const SlopeField slopes(image);
  const at::Tensor edges = at::zeros({height, width});
  auto marked = edges.accessor<float, 2>();
  std::vector<uint8_t> are_weak(static_cast<size_t>(width * height));
  std::vector<std::pair<int64_t, int64_t>> open;
  const auto mark = [&](int64_t x, int64_t y) {
    marked[y][x] = 1;
    open.emplace_back(x, y);
  };
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const int32_t size = slopes.sizeAt(x, y);
      if (size <= low || !slopes.isRidge(x, y)) continue;
      if (size > high)
        mark(x, y);
      else
        are_weak[static_cast<size_t>(y * width + x)] = 1;
    }
  }
  // Weak places that strong ones lead to are edges, too.
  while (!open.empty()) {
    const auto [from_x, from_y] = open.back();
    open.pop_back();
    for (int64_t y = std::max<int64_t>(from_y - 1, 0); y <= std::min(from_y + 1, height - 1); ++y) {
      for (int64_t x = std::max<int64_t>(from_x - 1, 0); x <= std::min(from_x + 1, width - 1); ++x) {
        if (are_weak[static_cast<size_t>(y * width + x)] && marked[y][x] == 0) mark(x, y);
      }
    }
  }
  return edges.expand({1, 3, height, width});
}

}  // namespace cameo::pipeline
