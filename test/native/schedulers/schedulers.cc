#include <ATen/ATen.h>

#include "harness.h"
#include "schedulers/noise_prior.h"
#include "schedulers/scheduler.h"

namespace cameo::test {

namespace {

Tensors ddim(const Json& config, const Tensors& in) {
  const schedulers::NoiseSchedule schedule(schedulers::ScheduleConfig::read(Config(config, "scheduler")));
  const auto scheduler = schedulers::makeScheduler("ddim", schedule, config.at("steps"));
  std::vector<at::Tensor> latents;
  at::Tensor x = in.at("x");
  for (size_t i = 0; i < scheduler->timesteps().size(); ++i) {
    latents.push_back(x = scheduler->step(in.at("noise_pred")[static_cast<int64_t>(i)], i, x));
  }
  return {{"timesteps", at::tensor(scheduler->timesteps())},
          {"alphas_cumprod", schedule.alphaCumprod(at::arange(schedule.config().train_timesteps))},
          {"latents", at::stack(latents)}};
}

Tensors correlatedNoise(const Json& config, const Tensors& in) {
  return {{"noise", schedulers::correlateFrames(in.at("noise"), config.at("correlation"))}};
}

}  // namespace

const bool kSchedulersRegistered =
    addProbe("schedulers.ddim", ddim) && addProbe("schedulers.noise_prior", correlatedNoise);

}  // namespace cameo::test
