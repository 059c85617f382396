#include "pipeline/centre_crop.h"

#include <algorithm>
#include <cmath>

#include "pipeline/resample.h"

namespace cameo::pipeline {

namespace {

/// a // b of Python's floats, which is not always what a / b rounds down to.
int64_t floorDivided(double a, double b) {
  const double whole = (a - std::fmod(a, b)) / b;
  const double down = std::floor(whole);
  return static_cast<int64_t>(whole - down > 0.5 ? down + 1 : down);
}

/// Of the picture at `wide` x `high`, what is `width` x `height` from there on; black where nothing is.
RgbImage cutOut(const RgbImage& image, Filter filter, int64_t wide, int64_t high, const Box& box) {
  const Box seen{std::max<int64_t>(box.left, 0), std::max<int64_t>(box.top, 0), std::min(box.width, wide),
                 std::min(box.height, high)};
  const RgbImage middle = resize(image, filter, wide, high, seen);
  if (middle.width == box.width && middle.height == box.height) return middle;
  RgbImage result{std::vector<uint8_t>(3 * box.width * box.height), box.width, box.height};
  const int64_t x = seen.left - box.left, y = seen.top - box.top;
  for (int64_t row = 0; row < middle.height; ++row) {
    std::copy_n(middle.data.begin() + 3 * row * middle.width, 3 * middle.width,
                result.data.begin() + 3 * ((y + row) * box.width + x));
  }
  return result;
}

/// Where the middle `part` of so many pixels begins, as torchvision rounds it; below 0 where there are fewer.
int64_t middleOf(int64_t all, int64_t part) {
  if (all < part) return -((part - all) / 2);
  return static_cast<int64_t>(std::nearbyint(static_cast<double>(all - part) / 2));
}

}  // namespace

RgbImage centreCrop(const RgbImage& image, int64_t width, int64_t height) {
  const double scale = std::min(static_cast<double>(image.width) / static_cast<double>(width),
                                static_cast<double>(image.height) / static_cast<double>(height));
  const auto scaled = [&](int64_t side) {
    return std::max<int64_t>(floorDivided(static_cast<double>(side), scale), 1);
  };
  const int64_t wide = scaled(image.width), high = scaled(image.height);
  // Shifted, they are halved downwards below 0, too.
  return cutOut(image, Filter::Box, wide, high, {(wide - width) >> 1, (high - height) >> 1, width, height});
}

RgbImage centreCropByShorterSide(const RgbImage& image, int64_t width, int64_t height) {
  const int64_t shorter = std::min(image.width, image.height), side = std::min(width, height);
  const auto scaled = [&](int64_t other) {
    return other == shorter
               ? side
               : static_cast<int64_t>(static_cast<double>(side * other) / static_cast<double>(shorter));
  };
  const int64_t wide = scaled(image.width), high = scaled(image.height);
  return cutOut(image, Filter::Bilinear, wide, high,
                {middleOf(wide, width), middleOf(high, height), width, height});
}

}  // namespace cameo::pipeline
