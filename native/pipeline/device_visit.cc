#include "pipeline/device_visit.h"

#include <ATen/ATen.h>

namespace cameo::pipeline {

DeviceVisit::DeviceVisit(ParameterSet& parameters, c10::Device device) : parameters_(parameters) {
  try {
    for (Parameter& parameter : parameters.all()) {
      at::Tensor visiting = parameter.value.to(device);
      home_.push_back(std::exchange(parameter.value, std::move(visiting)));
    }
    if (!home_.empty() && home_.front().device() != device) parameters.join();
  } catch (...) {
    goHome();
    throw;
  }
}

DeviceVisit::~DeviceVisit() {
  goHome();
}

void DeviceVisit::goHome() {
  auto parameter = parameters_.all().begin();
  for (at::Tensor& home : home_) (parameter++)->value = std::move(home);
}

}  // namespace cameo::pipeline
