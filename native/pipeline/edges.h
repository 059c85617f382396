#pragma once

#include "pipeline/request.h"

namespace cameo::pipeline {

/// A picture's edges by Canny's method, 1 on 0, (1, 3, H, W), fp32 on the CPU: to the pixel what OpenCV's
/// `Canny` finds in it with an aperture of 3 and the sum of both slopes.
at::Tensor edgesOf(const RgbImage& image, const EdgeThresholds& thresholds);

}  // namespace cameo::pipeline
