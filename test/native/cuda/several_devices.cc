#include <ATen/ATen.h>
#include <c10/core/impl/FakeGuardImpl.h>

#include "harness.h"
#include "nn/group_norm_cuda.h"
#include "nn/pisa_fused.h"

namespace cameo::test {

namespace {

// A kind of device that nobody has here, of which there seem to be eight.
constexpr auto kFake = c10::DeviceType::MAIA;
using FakeDevices = c10::impl::FakeGuardImpl<kFake>;

const FakeDevices devices;
const c10::impl::DeviceGuardImplRegistrar kFakeDevicesRegistered(kFake, &devices);

int64_t asked = -1;  // the current device as the kernels were asked whether they run

template <typename Problem>
int64_t askedOf(const Problem*) {
  asked = devices.getDevice().index();
  return 1;
}

/// For a tensor on the device `device`, while another one is current: which device the kernels of group norm
/// and of PISA are asked about, and which one is current afterwards.
Tensors askedDevices(const Json& config, const Tensors&) {
  const c10::Device device(kFake, config.at("device").get<c10::DeviceIndex>());
  std::vector<at::Half> numbers(2 * 4 * 40);
  const auto on_device = [&](at::IntArrayRef shape) {
    const auto options = at::TensorOptions(device).dtype(at::kHalf);
    return at::for_blob(numbers.data(), shape).options(options).target_device(device).make_tensor();
  };
  Tensors result;
  const auto add = [&](const char* name) { result[name] = at::scalar_tensor(asked); };
  nn::runOnDeviceOf(on_device({1, 4, 2, 2}), {.workspace = askedOf, .run = nullptr});
  add("groupNorm");
  nn::runOnDeviceOf(
      on_device({1, 2, 4, 40}), 1, {.frames = 1, .references = 1},
      {.forward_workspace = askedOf, .backward_workspace = nullptr, .forward = nullptr, .backward = nullptr});
  add("pisa");
  asked = devices.getDevice().index();
  add("afterwards");
  return result;
}

}  // namespace

const bool kSeveralDevicesRegistered = addProbe("cuda.askedDevices", askedDevices);

}  // namespace cameo::test
