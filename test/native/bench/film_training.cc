#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <chrono>
#include <ctime>

#include "bench/resident.h"
#include "core/memory_pool.h"
#include "harness.h"
#include "models/initialize.h"
#include "train/objectives/flow.h"
#include "train/optimizer.h"
#include "train/selection.h"

namespace cameo::test {

namespace {

train::FlowBatch drawFlowBatch(const Json& work) {
  const auto shape = work.at("latents").get<std::vector<int64_t>>();
  return {.latents = at::randn(shape),
          .noise = at::randn(shape),
          .sigmas = at::rand({shape[0]}),
          .text = at::randn(work.at("text").get<std::vector<int64_t>>())};
}

/// Of steps on Wan's transformer with drawn weights, all of which are trained: each one's seconds, by the
/// clock and of all cores, and its loss; and the largest memory of all, beside the weights and with them.
Tensors timeFlowSteps(const Json& work, const Tensors&) {
  const c10::InferenceMode off(false);
  models::WanTransformer transformer(models::WanConfig::read(Config(work.at("config"), "config")));
  models::initialize(transformer.parameters(), 0, {});
  const auto leaves = train::makeTrainable(train::selectParameters(transformer.parameters(), {"all"}));
  MemoryPool pool;
  const MemoryPool::Scope pooled(pool);
  const double weights = residentBytes("VmRSS");
  restartPeak();
  train::AdamW optimizer(train::tensorsOf(leaves), {});
  std::vector<double> seconds, cpu_seconds, losses;
  for (int64_t i = 0; i < work.at("steps"); ++i) {
    const train::FlowBatch batch = drawFlowBatch(work);
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    const train::Losses found = train::computeFlowLosses(transformer, batch, work.at("recompute"));
    found.total.backward();
    optimizer.step(1e-4);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    seconds.push_back(took.count());
    cpu_seconds.push_back(static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
    losses.push_back(found.total.item<double>());
  }
  const double peak = residentBytes("VmHWM");
  return {{"seconds", at::tensor(seconds, at::kFloat)},
          {"cpuSeconds", at::tensor(cpu_seconds, at::kFloat)},
          {"losses", at::tensor(losses, at::kFloat)},
          {"bytes", at::tensor({peak - weights}, at::kDouble)},
          {"peak", at::tensor({peak}, at::kDouble)}};
}

}  // namespace

const bool kFilmTrainingTimed = addProbe("bench.flow_steps", timeFlowSteps);

}  // namespace cameo::test
