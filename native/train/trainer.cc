#include "train/trainer.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "parallel/partition.h"
#include "weights/lora.h"
#include "weights/open_weights.h"

namespace cameo::train {

namespace {

constexpr const char* kTextEncoder = "text_encoder";

/// A leaf's name in checkpoints: that of its network before its own.
void prefixNames(std::vector<Leaf>& leaves, const std::string& network) {
  for (Leaf& leaf : leaves) leaf.name = network + "." + leaf.name;
}

std::vector<Leaf> makeLeaves(const std::vector<Parameter*>& selected, const TrainerOptions& options) {
  return options.lora ? addAdapters(selected, *options.lora, options.seed) : makeTrainable(selected);
}

schedulers::ScheduleConfig withPrediction(schedulers::ScheduleConfig config, const TrainerOptions& options) {
  if (options.prediction) config.prediction = *options.prediction;
  return config;
}

std::unique_ptr<pipeline::Pipeline> load(const TrainerOptions& options,
                                         const pipeline::OnProgress& onProgress,
                                         const Cancellation& cancellation) {
  auto pipeline = pipeline::loadPipeline(options.model, onProgress, cancellation);
  pipeline->has_subject = options.is_subject;
  pipeline->description["subject"] = options.is_subject;
  pipeline->schedule = withPrediction(pipeline->schedule, options);
  return pipeline;
}

}  // namespace

Trainer::Trainer(const TrainerOptions& options, const pipeline::OnProgress& onProgress,
                 const Cancellation& cancellation)
    : options_(options), pipeline_(load(options, onProgress, cancellation)), schedule_(pipeline_->schedule) {
  const c10::DeviceGuard on_its_device(pipeline_->device);
  chooseLeaves();
  chooseWritten();
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
  std::vector<std::string> patterns = options_.trained;
  trains_text_ = std::erase(patterns, kTextEncoder) > 0;
  for (const pipeline::Network& network : pipeline_->networks()) freeze(network.parameters);
  if (options_.vae) {
    leaves_ = makeLeaves(selectParameters(pipeline_->vae->parameters(), patterns), options_);
    prefixNames(leaves_, "vae");
    trains_latents_ = std::any_of(leaves_.begin(), leaves_.end(), [](const Leaf& leaf) {
      return leaf.name.starts_with("vae.encoder.") || leaf.name.starts_with("vae.quant_conv.");
    });
    return;
  }
  if (!patterns.empty()) {
    leaves_ = makeLeaves(selectParameters(pipeline_->unet->parameters(), patterns), options_);
    prefixNames(leaves_, "unet");
  }
  if (!trains_text_) return;
  auto text = makeLeaves(selectParameters(pipeline_->text_encoder->parameters(), {"all"}), options_);
  prefixNames(text, kTextEncoder);
  leaves_.insert(leaves_.end(), text.begin(), text.end());
}

/// What is trained, and what the subject model that the run starts from has beside it.
void Trainer::chooseWritten() {
  constexpr std::string_view prefix = "unet.";
  for (const Leaf& leaf : leaves_) {
    if (leaf.name.starts_with(prefix)) written_.insert(leaf.name.substr(prefix.size()));
  }
  for (const std::string& path : options_.model.subject) {
    written_.merge(weights::parametersIn(*weights::openWeights(path)));
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

double Trainer::scalingFactor() const {
  return latent_scale_.factor(pipeline_->vae->config().scaling_factor);
}

/// Of the micro-batch at `index`.
Losses Trainer::lossesOf(const StepInput& input, size_t index) {
  const MicroBatch& samples = input.batches[index];
  if (options_.vae) {
    const VaeBatch batch = makeVaeBatch(*pipeline_, options_.seed, samples);
    return computeVaeLosses(*pipeline_->vae, *options_.vae, batch, pipeline_->dtype);
  }
  const Batch batch = makeBatch(*pipeline_, options_, samples, input.empty_ids, trains_text_);
  return computeLosses(*pipeline_->unet, schedule_, options_.objective, batch);
}

/// The micro-batch at `index`; the last one ends in the exchange of gradients among processes.
Losses Trainer::backward(const StepInput& input, size_t index) {
  const c10::AutoGradMode recording(true);
  Losses losses = lossesOf(input, index);
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
      if (trains_latents_) {
        const double shift = pipeline_->vae->config().shift_factor;
        result.latent_square += (losses.latents - shift).square().mean().item<double>();
      }
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
  if (trains_latents_ && !result.skipped) latent_scale_.update(result.latent_square);
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
  if (trains_latents_) average(result.latent_square);
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
