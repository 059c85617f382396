#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cameo {

/// What random numbers are drawn for. Each purpose has a stream of its own, so that switching one on does not
/// change what the others draw.
enum class RandomStream : uint64_t {
  InitialNoise = 0,
  ReferencePosterior = 1,
  ReferenceNoise = 2,
  InitialWeights = 3,
  TrainingSample = 4,
  KeyframePosterior = 5,
};

/// A CPU generator for one purpose, and within it for the `index`-th of many. The first of `InitialNoise` is
/// seeded with `seed` itself, so that it draws what PyTorch's CPU generator draws for that seed. PyTorch
/// ignores a seed's bits above the 32nd; here seeds that have some are mixed down to 32 bits.
at::Generator makeGenerator(uint64_t seed, RandomStream stream, uint64_t index = 0);

/// Standard normal numbers, fp32 on the CPU, so that a seed means the same on every device.
at::Tensor drawNormal(at::IntArrayRef shape, const at::Generator& generator);

}  // namespace cameo
