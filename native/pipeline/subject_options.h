#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "pipeline/schedule_range.h"

namespace cameo {
class Config;
}

namespace cameo::pipeline {

/// One of several subjects; what it means is in ts/options/subjects.ts.
struct SubjectOptions {
  int64_t references = 1;  // how many of the request's are its, after those of the subjects before it
  /// Where it is: left, top, right and bottom, in parts of the frame; one box, or one for each frame. Empty:
  /// where its masks are, or else everywhere.
  std::vector<std::array<double, 4>> boxes = {};
  double scale = 1;                  // how strongly frames see its references
  ScheduleRange range = {0, 1};      // of the steps; they see none of them outside of it
  std::vector<double> levels = {1};  // what multiplies that at the UNet's levels, outermost first
};

/// Of a request. Fails with `ErrorCode::InvalidOption`.
std::vector<SubjectOptions> readSubjects(const Config& options);

}  // namespace cameo::pipeline
