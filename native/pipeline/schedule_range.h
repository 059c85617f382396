#pragma once

namespace cameo::pipeline {

/// A part of the schedule: 0 is its first step, 1 its end.
struct ScheduleRange {
  double from;
  double to;
};

}  // namespace cameo::pipeline
