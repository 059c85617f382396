#include <ATen/ATen.h>

#include "core/rng.h"
#include "harness.h"
#include "pipeline/free_init.h"
#include "pipeline/free_noise.h"

namespace cameo::test {

namespace {

Tensors shuffled(const Json& config, const Tensors& in) {
  const at::Generator generator = makeGenerator(config.at("seed"), RandomStream::InitialNoise);
  const at::Tensor& x = in.at("x");
  return {{"shuffled", pipeline::shuffleFrames(x, config.at("length"), config.at("stride"), generator)},
          {"repeated", pipeline::repeatFrames(x, config.at("frames"))}};
}

pipeline::FreeInit freeInitOf(const Json& config) {
  return {.filter = config.at("filter").get<pipeline::FreeInit::Filter>(),
          .spatial_stop = config.at("spatial_stop"),
          .temporal_stop = config.at("temporal_stop"),
          .order = config.at("order")};
}

Tensors freeInit(const Json& config, const Tensors& in) {
  const at::Tensor& noisy = in.at("noisy");
  const pipeline::FreeInit options = freeInitOf(config);
  return {{"kept", pipeline::lowPass(noisy.size(1), noisy.size(3), noisy.size(4), options)},
          {"mixed", pipeline::mixFrequencies(noisy, in.at("fresh"), options)}};
}

}  // namespace

const bool kNoiseRegistered =
    addProbe("pipeline.free_noise", shuffled) && addProbe("pipeline.free_init", freeInit);

}  // namespace cameo::test
