#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "core/cancellation.h"
#include "harness.h"
#include "parallel/gradient_reducer.h"
#include "parallel/partition.h"
#include "parallel/process_group.h"
#include "parallel/solo_turn.h"
#include "train/optimizer.h"

namespace cameo::test {

namespace {

std::unique_ptr<parallel::ProcessGroup> join(const Json& config) {
  return parallel::ProcessGroup::join({.rank = config.at("rank"),
                                       .world_size = config.at("world_size"),
                                       .address = config.at("address"),
                                       .port = config.at("port"),
                                       .timeout_seconds = config.at("timeout")},
                                      c10::Device(config.value("device", "cpu")));
}

/// The probe as a task that is cancelled after so many seconds as `cancel` says, where it says any.
Probe cancellable(Probe probe) {
  return [probe = std::move(probe)](const Json& config, const Tensors& inputs) {
    if (!config.contains("cancel")) return probe(config, inputs);
    Cancellation cancellation;
    std::jthread other([&, after = std::chrono::duration<double>(config["cancel"].get<double>())] {
      std::this_thread::sleep_for(after);
      cancellation.request();
    });
    const CancellationScope scope(cancellation);
    return probe(config, inputs);
  };
}

Tensors partition(const Json& config, const Tensors&) {
  const auto sizes = config.at("sizes").get<std::vector<int64_t>>();
  return {{"owners", at::tensor(parallel::partition(sizes, config.at("ranks")))}};
}

Tensors joinOnly(const Json& config, const Tensors&) {
  const auto group = join(config);
  group->barrier();  // who is done sooner would end while others still connect to it
  return {{"rank", at::scalar_tensor(group->rank())}, {"world_size", at::scalar_tensor(group->worldSize())}};
}

/// Every collective call, on values that tell the ranks apart.
Tensors collectives(const Json& config, const Tensors&) {
  const c10::InferenceMode off(false);
  const auto group = join(config);
  const auto rank = static_cast<double>(group->rank());
  const int64_t root = group->worldSize() - 1;
  const auto floats = at::TensorOptions(c10::Device(config.value("device", "cpu"))).dtype(at::kFloat);
  at::Tensor leaf = at::full({3}, rank, floats).set_requires_grad(true);
  at::Tensor strided =
      at::arange(24, floats).add(100 * rank).view({1, 2, 3, 4}).contiguous(at::MemoryFormat::ChannelsLast);
  group->broadcast({leaf, strided}, root);
  at::Tensor sum = at::full({2, 2}, rank + 1, floats), columns = at::arange(6, floats).view({2, 3}).t();
  group->sum({sum, columns});
  group->barrier();
  return {{"broadcast", leaf.detach()},
          {"broadcast_strided", strided},
          {"sum", sum},
          {"sum_columns", columns},
          {"mean", at::scalar_tensor(group->mean(rank), at::kDouble)},
          {"max", at::scalar_tensor(group->max(-rank), at::kDouble)},
          {"any", at::scalar_tensor(group->any(group->rank() == root))},
          {"none", at::scalar_tensor(group->any(false))}};
}

/// A small network with a channels-last convolution, and a leaf that only some ranks use.
struct Network {
  at::Tensor convolution = draw({8, 3, 3, 3}, 1).contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor weight = draw({2, 8}, 2);
  at::Tensor bias = draw({2}, 3);
  at::Tensor spare = draw({5}, 4);

  static at::Tensor draw(at::IntArrayRef shape, int64_t seed) {
    const int64_t count = c10::multiply_integers(shape);
    return at::arange(count, at::kFloat).mul(0.7).add(static_cast<double>(seed)).sin().mul(0.5).view(shape);
  }

  std::vector<at::Tensor> leaves() {
    std::vector<at::Tensor> all = {convolution, weight, bias, spare};
    for (at::Tensor& leaf : all) leaf.set_requires_grad(true);
    return all;
  }

  /// Mean over samples.
  at::Tensor loss(const at::Tensor& images, bool uses_spare) const {
    const at::Tensor features = at::conv2d(images, convolution).relu().mean({2, 3});
    const at::Tensor errors = at::linear(features, weight, bias).pow(2).mean();
    return uses_spare ? errors + spare.pow(2).sum() : errors;
  }
};

constexpr int64_t kSamples = 12;

/// Stops all threads of this process for some seconds.
void stopAll(unsigned seconds) {
  const pid_t stopped = getpid();
  if (fork() == 0) {
    sleep(seconds);
    kill(stopped, SIGCONT);
    _exit(0);
  }
  raise(SIGSTOP);
}

/// Ends this process, makes it deaf or stops it, as the test asks.
void fail(const Json& failure) {
  if (failure.at("by") == "kill") raise(SIGKILL);
  if (failure.at("by") == "hang") sleep(failure.at("seconds").get<unsigned>());
  if (failure.at("by") == "stop") stopAll(failure.at("seconds").get<unsigned>());
}

/// Steps of AdamW on all samples: each rank and each micro-batch takes its share of them. Without "port", in
/// one process and with no group.
Tensors trainTogether(const Json& config, const Tensors&) {
  const c10::InferenceMode off(false);
  const int64_t world_size = config.at("world_size"), accumulation = config.at("accumulation");
  const int64_t rank = config.value("rank", 0);
  const bool uses_spare = config.value("uses_spare", false);
  Network network;
  const auto leaves = network.leaves();
  const auto group = config.contains("port") ? join(config) : nullptr;
  const auto reducer = group ? std::make_unique<parallel::GradientReducer>(*group, leaves) : nullptr;
  train::AdamW optimizer(leaves, {});
  const auto shares = Network::draw({kSamples, 3, 6, 6}, 5).chunk(world_size * accumulation);
  Tensors out;
  for (int64_t step = 0; step < config.at("steps"); ++step) {
    if (config.contains("failure") && step == config["failure"].at("step")) fail(config["failure"]);
    for (int64_t micro = 0; micro < accumulation; ++micro) {
      const auto loss = network.loss(shares[rank * accumulation + micro], uses_spare) / accumulation;
      if (!reducer || micro + 1 < accumulation) {
        loss.backward();
      } else {
        group->translateErrors([&] {
          reducer->prepare(loss);
          loss.backward();
        });
      }
    }
    for (size_t i = 0; i < leaves.size(); ++i) {
      const at::Tensor& gradient = leaves[i].grad();
      if (gradient.defined()) out[c10::str("gradient/", step, "/", i)] = gradient.clone();
    }
    optimizer.step(0.05);
  }
  for (size_t i = 0; i < leaves.size(); ++i) out[c10::str("after/", i)] = leaves[i].detach();
  return out;
}

/// Sums without end, until a process fails.
Tensors sumUntilFailure(const Json& config, const Tensors&) {
  const c10::InferenceMode off(false);
  const auto group = join(config);
  for (int64_t round = 0;; ++round) {
    if (config.contains("failure") && round == config["failure"].at("step")) fail(config["failure"]);
    group->sum({at::ones({1000})});
  }
}

/// What rank 0 does alone takes `work` seconds, or fails; then all sum.
Tensors soloTurn(const Json& config, const Tensors&) {
  const c10::InferenceMode off(false);
  const auto group = join(config);
  group->barrier();  // all are connected before one of them fails
  const at::Tensor sum = at::ones({1});
  {
    parallel::SoloTurn turn(*group);
    if (config.contains("failure")) fail(config["failure"]);
    if (group->rank() == 0) std::this_thread::sleep_for(std::chrono::duration<double>(config.at("work")));
    if (group->rank() == 0 && config.value("throws", false)) throw Error(ErrorCode::Checkpoint, "no space");
    turn.end();
  }
  group->sum({sum});
  return {{"sum", sum}};
}

/// Ranks whose leaves differ in shape.
Tensors otherLeaves(const Json& config, const Tensors&) {
  const c10::InferenceMode off(false);
  const auto group = join(config);
  const parallel::GradientReducer reducer(*group, {at::ones({2 + group->rank()}).set_requires_grad(true)});
  group->barrier();
  return {};
}

/// A failure that has nothing to do with other processes, under their group's eyes.
Tensors ownFailure(const Json& config, const Tensors&) {
  const auto group = join(config);
  return group->translateErrors([]() -> Tensors { return {{"sum", at::ones({2}) + at::ones({3})}}; });
}

}  // namespace

const bool kDistRegistered =
    addProbe("parallel.partition", partition) && addProbe("parallel.join", cancellable(joinOnly)) &&
    addProbe("parallel.collectives", collectives) && addProbe("parallel.train", cancellable(trainTogether)) &&
    addProbe("parallel.sum_until_failure", cancellable(sumUntilFailure)) &&
    addProbe("parallel.solo_turn", cancellable(soloTurn)) && addProbe("parallel.other_leaves", otherLeaves) &&
    addProbe("parallel.own_failure", ownFailure);

}  // namespace cameo::test
