#include "pipeline/context_windows.h"

#include <algorithm>
#include <cmath>

namespace cameo::pipeline {

namespace {

using Window = std::vector<int64_t>;

Window windowFrom(int64_t first, int64_t apart, int64_t length) {
  Window window;
  for (int64_t i = 0; i < length; ++i) window.push_back(first + i * apart);
  return window;
}

/// Each begins where the one before has only `overlap` frames left, and the last one ends with the last
/// frame.
std::vector<Window> standardWindows(int64_t frames, const ContextWindows& context) {
  std::vector<Window> windows;
  for (int64_t first = 0;; first += context.length - context.overlap) {
    windows.push_back(windowFrom(std::min(first, frames - context.length), 1, context.length));
    if (first + context.length >= frames) return windows;
  }
}

/// 0, 1/2, 1/4, 3/4, 1/8, ...: the bits of `step` behind the point, in reverse.
double orderedHalving(int64_t step) {
  double result = 0;
  for (double place = 0.5; step > 0; step >>= 1, place /= 2) result += place * static_cast<double>(step & 1);
  return result;
}

/// A window that goes on with the first frame.
Window looped(Window window, int64_t frames) {
  for (int64_t& frame : window) frame %= frames;
  return window;
}

void addOnce(std::vector<Window>& windows, Window window) {
  if (std::find(windows.begin(), windows.end(), window) == windows.end()) {
    windows.push_back(std::move(window));
  }
}

/// A window that would go past the last frame becomes one that ends there and one that begins at the start.
void addUnlooped(std::vector<Window>& windows, Window window, int64_t apart, int64_t frames) {
  const auto length = static_cast<int64_t>(window.size());
  const auto past =
      std::find_if(window.begin(), window.end(), [&](int64_t frame) { return frame >= frames; });
  if (past == window.end()) return addOnce(windows, std::move(window));
  addOnce(windows, windowFrom(frames - 1 - (length - 1) * apart, apart, length));
  addOnce(windows, windowFrom(*past - frames, apart, length));
}

std::vector<Window> uniformWindows(int64_t frames, const ContextWindows& context, int64_t step) {
  const bool is_looped = context.schedule == WindowSchedule::Looped;
  const double shift = orderedHalving(step);
  const auto pad = static_cast<int64_t>(std::nearbyint(static_cast<double>(frames) * shift));
  const int64_t end = frames + pad - (is_looped ? 0 : context.overlap);
  std::vector<Window> windows;
  int64_t apart = 1;
  for (int64_t i = 0; i < context.strides && apart * context.length <= frames; ++i, apart *= 2) {
    int64_t first = pad + static_cast<int64_t>(shift * static_cast<double>(apart));
    for (; first < end; first += context.length * apart - context.overlap) {
      Window window = windowFrom(first % frames, apart, context.length);
      if (is_looped) {
        windows.push_back(looped(std::move(window), frames));
      } else {
        addUnlooped(windows, std::move(window), apart, frames);
      }
    }
  }
  return windows;
}

}  // namespace

std::vector<std::vector<int64_t>> framesOfWindows(int64_t frames, const ContextWindows& context,
                                                  int64_t step) {
  const bool is_looped = context.schedule == WindowSchedule::Looped;
  if (context.length == 0 || frames < context.length || (frames == context.length && !is_looped)) {
    return {windowFrom(0, 1, frames)};
  }
  return context.schedule == WindowSchedule::Standard ? standardWindows(frames, context)
                                                      : uniformWindows(frames, context, step);
}

}  // namespace cameo::pipeline
