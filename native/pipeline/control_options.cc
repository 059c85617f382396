#include "pipeline/control_options.h"

#include "core/config.h"

namespace cameo::pipeline {

using nlohmann::json;

namespace {

constexpr size_t kMostControlled = 16, kMostKeyframes = 1024;

}  // namespace

std::vector<ControlOptions> readControls(const Config& options) {
  if (!options.has("controls")) return {};
  const json& list = options.value("controls");
  const auto refuse = [&] {
    options.fail("controls", "it must be a list of scale, from, to, guess, compute, low and high");
  };
  if (!list.is_array() || list.size() > kMostControlled) refuse();
  std::vector<ControlOptions> controls;
  for (const json& one : list) {
    const auto number = [&](const char* name) {
      if (!one.is_object() || !one.contains(name) || !one[name].is_number()) refuse();
      return one[name].get<double>();
    };
    const bool guess = one.is_object() && one.value("guess", json()) == true;
    const bool edges = one.is_object() && one.value("compute", json()) == "canny";
    controls.push_back({.scale = number("scale"),
                        .range = {number("from"), number("to")},
                        .guess = guess,
                        .computes_edges = edges,
                        .edges = {number("low"), number("high")}});
  }
  return controls;
}

std::vector<int64_t> readKeyframes(const Config& options) {
  if (!options.has("keyframes")) return {};
  const json& list = options.value("keyframes");
  const auto refuse = [&] { options.fail("keyframes", "it must be a list of frames, whole numbers"); };
  if (!list.is_array() || list.size() > kMostKeyframes) refuse();
  std::vector<int64_t> frames;
  for (const json& frame : list) {
    if (!frame.is_number_integer()) refuse();
    frames.push_back(frame.get<int64_t>());
  }
  return frames;
}

}  // namespace cameo::pipeline
