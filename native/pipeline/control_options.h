#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/schedule_range.h"

namespace cameo {
class Config;
}

namespace cameo::pipeline {

/// Canny's thresholds of the slope, in grey levels: edges begin above `high` and go on above `low`.
struct EdgeThresholds {
  double low = 100;
  double high = 200;
};

/// How the frames of one ControlNet count: an entry of the option `controls`.
struct ControlOptions {
  double scale = 1;
  ScheduleRange range = {0, 1};  // of the steps done
  bool guess = false;            // for the prompt's branch alone, and less in the outer layers
  bool computes_edges = false;   // the condition is the frames' edges
  EdgeThresholds edges = {};
};

std::vector<ControlOptions> readControls(const Config& options);
/// The frames that the pictures of the option `keyframes` belong to, in their order.
std::vector<int64_t> readKeyframes(const Config& options);

}  // namespace cameo::pipeline
