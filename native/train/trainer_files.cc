// The files that a trainer writes and reads: checkpoints and exported weights.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "core/device.h"
#include "core/error.h"
#include "train/trainer.h"
#include "weights/identify.h"
#include "weights/open_weights.h"
#include "weights/safetensors.h"
#include "weights/subject.h"

namespace cameo::train {

namespace {

[[noreturn]] void failCheckpoint(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::Checkpoint, path + " is no checkpoint of this run: " + why);
}

int64_t integerIn(const weights::TensorSource& source, const char* field) {
  const auto found = source.metadata.find(field);
  const bool is_number = found != source.metadata.end() && !found->second.empty() &&
                         found->second.size() < 16 &&
                         found->second.find_first_not_of("0123456789") == std::string::npos;
  if (!is_number) failCheckpoint(source.path, std::string("it does not say its ") + field);
  return std::stoll(found->second);
}

/// Copies a file's tensors into those of the same names.
void restore(const weights::TensorSource& source, const std::vector<NamedTensor>& state) {
  std::unordered_map<std::string_view, const weights::TensorEntry*> entries;
  for (const weights::TensorEntry& entry : source.entries) entries[entry.name] = &entry;
  for (const auto& [name, tensor] : state) {
    const auto found = entries.find(name);
    if (found == entries.end()) failCheckpoint(source.path, name + " is missing");
    if (tensor.defined() && found->second->shape != tensor.sizes().vec()) {
      failCheckpoint(source.path, name + " has another shape");
    }
  }
  if (entries.size() != state.size()) failCheckpoint(source.path, "it trains other parameters");
  for (const auto& [name, tensor] : state) {
    if (tensor.defined()) at::Tensor(tensor).copy_(entries[name]->view());
  }
}

/// As a file of `dtype` has it. A value that `dtype` can't hold would be infinite.
at::Tensor storedAs(at::ScalarType dtype, const std::string& name, const at::Tensor& tensor) {
  const at::Tensor stored = tensor.to(at::kCPU, dtype).contiguous();
  const auto isFinite = [](const at::Tensor& values) { return values.isfinite().all().item<bool>(); };
  if (dtype == tensor.scalar_type() || isFinite(stored) || !isFinite(tensor)) return stored;
  throw Error(ErrorCode::InvalidOption,
              c10::str("modelDtype: ", name, " has a value of ", tensor.abs().max().item<double>(),
                       ", which ", dtypeName(dtype), " can't hold; set it to fp32 and resume the run"));
}

}  // namespace

/// What a checkpoint holds of this process; a tensor that another one has is undefined.
std::vector<NamedTensor> Trainer::state() {
  std::vector<NamedTensor> state;
  const auto& slots = optimizer_->slots();
  for (size_t i = 0; i < leaves_.size(); ++i) {
    const std::string& name = leaves_[i].name;
    state.emplace_back("weights/" + name, leaves_[i].place->detach());
    state.emplace_back("first_moment/" + name, slots[i].first_moment);
    state.emplace_back("second_moment/" + name, slots[i].second_moment);
    state.emplace_back("steps/" + name, slots[i].steps);
    if (options_.ema_decay > 0) {
      state.emplace_back("average/" + name, ema_ ? ema_->averages()[i] : at::Tensor());
    }
  }
  return state;
}

void Trainer::save(const std::string& path, std::map<std::string, std::string> metadata) {
  const c10::AutoGradMode no_gradients(false);
  std::vector<NamedTensor> tensors = state();
  if (!owners_.empty()) gatherState(tensors);
  std::ranges::move(objective_->state(), std::back_inserter(tensors));
  metadata["format"] = weights::kCheckpointFormat;
  metadata["step"] = std::to_string(steps_);
  if (ema_) metadata["average_updates"] = std::to_string(ema_->updates());
  const auto write = [&] { weights::writeSafetensors(path, tensors, metadata); };
  if (!group_) return write();
  parallel::SoloTurn turn(*group_);
  if (writesFiles()) write();
  turn.end();
}

/// Fills in, on rank 0, what other ranks have.
void Trainer::gatherState(std::vector<NamedTensor>& tensors) {
  const size_t each = tensors.size() / leaves_.size();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const size_t leaf = i / each;
    auto& [name, tensor] = tensors[i];
    const bool is_sharded =
        name.starts_with("first_moment/") || name.starts_with("second_moment/") || name.starts_with("steps/");
    if (!is_sharded || owners_[leaf] == 0) continue;
    const at::Tensor trained = leaves_[leaf].place->detach();
    if (!tensor.defined()) {
      tensor = name.starts_with("steps/") ? at::zeros({}, trained.options()) : at::zeros_like(trained);
    }
    group_->broadcast({tensor}, owners_[leaf]);
    tensor = writesFiles() ? tensor.to(at::kCPU) : at::Tensor();
  }
}

void Trainer::resume(const std::string& path) {
  const c10::AutoGradMode no_gradients(false);
  const auto source = weights::openWeights(path);
  const auto format = source->metadata.find("format");
  if (format == source->metadata.end() || format->second != weights::kCheckpointFormat) {
    failCheckpoint(path, "it was not written by this version's trainer");
  }
  const int64_t steps = integerIn(*source, "step");
  const int64_t updates = options_.ema_decay > 0 ? integerIn(*source, "average_updates") : 0;
  std::vector<NamedTensor> tensors = state();
  std::ranges::move(objective_->state(), std::back_inserter(tensors));
  restore(*source, tensors);
  steps_ = steps;
  if (ema_) ema_->setUpdates(updates);
}

namespace {

/// Whether a network's weights were read from no file.
bool wasDrawn(const pipeline::Pipeline& pipeline, const std::string& network) {
  return std::ranges::any_of(pipeline.description.at("networks"), [&](const nlohmann::json& described) {
    return described.at("name") == network && described.at("files").empty();
  });
}

}  // namespace

nlohmann::json Trainer::exportWeights(const std::string& path, const std::string& part,
                                      at::ScalarType dtype) {
  if (!writesFiles()) return nlohmann::json::object();
  const c10::AutoGradMode no_gradients(false);
  std::vector<Export> exports = objective_->exports();
  // What was drawn is in no file yet.
  for (const pipeline::Network& network : pipeline_->networks()) {
    if (!wasDrawn(*pipeline_, network.name)) continue;
    const ParameterSet& parameters = network.parameters;
    exports.push_back({.part = network.name, .tensors = [&parameters] { return mergedWeights(parameters); }});
  }
  const auto wanted = std::ranges::find(exports, part, &Export::part);
  if (wanted == exports.end()) {
    throw Error(ErrorCode::InvalidOption, "part: " + part + " is not among what this run exports");
  }
  const AveragesInPlace averaged(leaves_, ema_.get());
  std::vector<NamedTensor> tensors = wanted->tensors();
  for (auto& [name, tensor] : tensors) tensor = storedAs(dtype, name, tensor);
  auto fields = weights::writeSubjectMetadata(wanted->metadata);
  fields.insert(wanted->fields.begin(), wanted->fields.end());
  fields.merge(weights::writeOrigins(pipeline_->origins));
  weights::writeSafetensors(path, tensors, fields);
  return wanted->config;
}

}  // namespace cameo::train
