#include "core/rng.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randn.h>

#include <limits>

namespace cameo {

namespace {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014), which separates the streams of neighbouring seeds.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

at::Generator makeGenerator(uint64_t seed, RandomStream stream, uint64_t index) {
  const auto purpose = static_cast<uint64_t>(stream);
  if (purpose != 0) seed = mix(seed ^ mix(purpose));
  if (index != 0) seed = mix(seed ^ mix(~index));
  // The engine takes the lower 32 bits alone: a larger seed is mixed, so that all of its bits count.
  const bool is_own = purpose == 0 && index == 0;
  if (is_own && seed > std::numeric_limits<uint32_t>::max()) seed = mix(seed);
  return at::make_generator<at::CPUGeneratorImpl>(seed);
}

at::Tensor drawNormal(at::IntArrayRef shape, const at::Generator& generator) {
  return at::randn(shape, generator, at::TensorOptions().dtype(at::kFloat));
}

}  // namespace cameo
