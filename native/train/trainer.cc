#include "train/trainer.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "families/families.h"
#include "parallel/partition.h"
#include "train/objectives/table.h"

namespace cameo::train {

namespace {

/// A leaf's name in checkpoints: that of its network before its own.
void prefixNames(std::vector<Leaf>& leaves, const std::string& network) {
  for (Leaf& leaf : leaves) leaf.name = network + "." + leaf.name;
}

std::vector<Leaf> makeLeaves(const std::vector<Parameter*>& selected, const TrainerOptions& options) {
  return options.lora ? addAdapters(selected, *options.lora, options.seed) : makeTrainable(selected);
}

}  // namespace

Trainer::Trainer(const TrainerOptions& options, const pipeline::OnProgress& onProgress,
                 const Cancellation& cancellation)
    : options_(options), pipeline_(families::loadPipeline(options.model, onProgress, cancellation)) {
  const c10::DeviceGuard on_its_device(pipeline_->device);
  objective_ = makeObjective(options.recipe, *pipeline_);
  chooseLeaves();
  const std::vector<at::Tensor> tensors = tensorsOf(leaves_);
  std::vector<bool> owned;
  if (options.membership) {
    group_ = parallel::ProcessGroup::join(*options.membership, pipeline_->device);
    if (options.shard_optimizer) {
      std::vector<int64_t> sizes;
      for (const at::Tensor& tensor : tensors) sizes.push_back(tensor.numel());
      owners_ = parallel::partition(sizes, group_->worldSize());
      for (const int64_t owner : owners_) owned.push_back(owner == group_->rank());
    }
    reducer_ = std::make_unique<parallel::GradientReducer>(*group_, tensors);
  }
  optimizer_ = std::make_unique<AdamW>(tensors, options.optimizer, owned);
  if (options.ema_decay > 0 && writesFiles()) ema_ = std::make_unique<Ema>(tensors, options.ema_decay);
}

void Trainer::chooseLeaves() {
  for (const pipeline::Network& network : pipeline_->networks()) freeze(network.parameters);
  for (const TrainedNetwork& network : objective_->networks()) {
    auto leaves = makeLeaves(selectParameters(network.parameters, network.patterns), options_);
    prefixNames(leaves, network.name);
    leaves_.insert(leaves_.end(), leaves.begin(), leaves.end());
  }
}

int64_t Trainer::trainedParameters() const {
  int64_t count = 0;
  for (const Leaf& leaf : leaves_) count += leaf.place->numel();
  return count;
}

int64_t Trainer::bytes() const {
  size_t state = 0;
  for (const AdamW::Slot& slot : optimizer_->slots()) {
    if (slot.owned) state += slot.first_moment.nbytes() + slot.second_moment.nbytes();
  }
  if (ema_) {
    for (const at::Tensor& average : ema_->averages()) state += average.nbytes();
  }
  return pipeline_->bytes() + static_cast<int64_t>(state);
}

/// The micro-batch at `index`; the last one ends in the exchange of gradients among processes.
Losses Trainer::backward(const StepInput& input, size_t index) {
  const c10::AutoGradMode recording(true);
  Losses losses = objective_->losses(input.batches[index], input.empty);
  const at::Tensor loss = losses.total / static_cast<double>(input.batches.size());
  if (reducer_ && index + 1 == input.batches.size()) {
    group_->translateErrors([&] {
      reducer_->prepare(loss);
      loss.backward();
    });
  } else {
    loss.backward();
  }
  losses.total = losses.total.detach();
  for (auto& [name, part] : losses.parts) part = part.detach();
  return losses;
}

/// Processes that went on from different checkpoints would average the gradients of different models.
void Trainer::requireSameStep() {
  if (!group_ || is_under_way_) return;
  const auto mine = static_cast<double>(steps_);
  const double last = group_->max(mine);
  if (!group_->any(mine != last)) return;
  throw Error(
      ErrorCode::Checkpoint,
      c10::str("rank ", group_->rank(), " goes on after step ", steps_, ", another process after step ", last,
               ": give all of them the same `output`, in a folder that their machines share"));
}

StepResult Trainer::step(const StepInput& input) {
  const MemoryPool::Scope pooled(pool_);
  requireSameStep();
  is_under_way_ = true;
  StepResult result;
  result.learning_rate = learningRate(options_.learning_rate, steps_);
  try {
    for (size_t i = 0; i < input.batches.size(); ++i) {
      const Losses losses = backward(input, i);
      result.loss += losses.total.item<double>();
      for (const auto& [name, part] : losses.parts) result.loss_parts[name] += part.item<double>();
      for (const auto& [name, value] : losses.measured) result.measured[name] += value.item<double>();
    }
  } catch (...) {
    optimizer_->dropGradients();
    throw;
  }
  result.gradient_norm = optimizer_->step(result.learning_rate);
  result.skipped = !std::isfinite(result.gradient_norm);
  if (!result.skipped) {
    shareUpdates();
    if (ema_) ema_->update(tensorsOf(leaves_));
  }
  result.step = ++steps_;
  result = gather(result, input);
  if (!result.skipped) objective_->update(result.measured);
  return result;
}

StepResult Trainer::gather(StepResult result, const StepInput& input) {
  result.stop = group_ ? group_->any(input.stop) : input.stop;
  const auto average = [&](double& value) {
    value /= static_cast<double>(input.batches.size());
    if (group_) value = group_->mean(value);
  };
  average(result.loss);
  for (auto& [name, value] : result.loss_parts) average(value);
  for (auto& [name, value] : result.measured) average(value);
  return result;
}

/// Every leaf was moved by the rank that has its state.
void Trainer::shareUpdates() {
  if (owners_.empty()) return;
  const c10::AutoGradMode no_gradients(false);
  for (int64_t rank = 0; rank < group_->worldSize(); ++rank) {
    std::vector<at::Tensor> moved;
    for (size_t i = 0; i < leaves_.size(); ++i) {
      if (owners_[i] == rank) moved.push_back(leaves_[i].place->detach());
    }
    if (!moved.empty()) group_->broadcast(moved, rank);
  }
}

void Trainer::beginSolo() {
  if (group_) turn_ = std::make_unique<parallel::SoloTurn>(*group_);
}

void Trainer::endSolo() {
  if (!turn_) return;
  turn_->end();
  turn_.reset();
}

pipeline::Frames Trainer::sample(const pipeline::SampleRequest& request,
                                 const pipeline::OnProgress& onProgress, const Cancellation& cancellation) {
  const MemoryPool::Scope pooled(pool_);
  const AveragesInPlace averaged(leaves_, ema_.get());
  return pipeline::sample(*pipeline_, request, onProgress, cancellation);
}

}  // namespace cameo::train
