#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "core/parameters.h"

namespace cameo::pipeline {

/// A network's weights on the device that computes, while it lives; before and after they are where they were
/// loaded to. Nothing happens where that is the same device.
class DeviceVisit {
 public:
  DeviceVisit(ParameterSet& parameters, c10::Device device);
  ~DeviceVisit();
  DeviceVisit(const DeviceVisit&) = delete;
  DeviceVisit& operator=(const DeviceVisit&) = delete;

 private:
  void goHome();

  ParameterSet& parameters_;
  std::vector<at::Tensor> home_;  // of the parameters that have gone, in their order
};

}  // namespace cameo::pipeline
