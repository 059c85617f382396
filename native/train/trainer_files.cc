// The files that a trainer writes and reads: checkpoints and exported weights.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

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
void restore(const weights::TensorSource& source,
             const std::vector<std::pair<std::string, at::Tensor>>& state) {
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

bool isMotion(const std::string& name) {
  return name.find("motion_modules.") != std::string::npos;
}

}  // namespace

/// What a checkpoint holds of this process; a tensor that another one has is undefined.
std::vector<Trainer::NamedTensor> Trainer::state() {
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

Trainer::NamedTensor Trainer::latentScale() const {
  return {"latent_scale", latent_scale_.state()};
}

void Trainer::save(const std::string& path, std::map<std::string, std::string> metadata) {
  const c10::AutoGradMode no_gradients(false);
  std::vector<NamedTensor> tensors = state();
  if (!owners_.empty()) gatherState(tensors);
  if (options_.vae) tensors.push_back(latentScale());
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
  if (options_.vae) tensors.push_back(latentScale());
  restore(*source, tensors);
  steps_ = steps;
  if (ema_) ema_->setUpdates(updates);
}

/// The adapters as PEFT applies them when told nothing else: with their scale within `lora_B`.
void Trainer::addFactors(std::vector<NamedTensor>& tensors) const {
  const double scale = options_.lora->alpha / static_cast<double>(options_.lora->rank);
  for (const Leaf& leaf : leaves_) {
    const at::Tensor factor = leaf.place->detach();
    tensors.emplace_back(leaf.name, leaf.name.ends_with(".lora_B.weight") ? factor * scale : factor);
  }
}

std::vector<Trainer::NamedTensor> Trainer::exported(ExportedPart part) {
  std::vector<NamedTensor> tensors;
  const auto add = [&](ParameterSet& parameters, const auto& is_wanted) {
    for (const Parameter& parameter : parameters.all()) {
      if (is_wanted(parameter.name)) tensors.emplace_back(parameter.name, parameter.merged());
    }
  };
  switch (part) {
    case ExportedPart::Subject:
      if (options_.lora)
        addFactors(tensors);
      else
        add(pipeline_->unet->parameters(), [&](const std::string& name) { return written_.contains(name); });
      break;
    case ExportedPart::Motion:
      add(pipeline_->unet->parameters(), isMotion);
      break;
    case ExportedPart::UNet:
      add(pipeline_->unet->parameters(), [](const std::string& name) { return !isMotion(name); });
      break;
    case ExportedPart::TextEncoder:
      add(pipeline_->text_encoder->parameters(), [](const std::string&) { return true; });
      break;
    case ExportedPart::Vae:
      add(pipeline_->vae->parameters(), [](const std::string&) { return true; });
      break;
  }
  return tensors;
}

void Trainer::exportWeights(const std::string& path, ExportedPart part, at::ScalarType dtype) {
  if (!writesFiles()) return;
  const c10::AutoGradMode no_gradients(false);
  const AveragesInPlace averaged(leaves_, ema_.get());
  std::vector<NamedTensor> tensors = exported(part);
  for (auto& [name, tensor] : tensors) tensor = storedAs(dtype, name, tensor);
  weights::SubjectMetadata metadata;
  if (part == ExportedPart::Subject) {
    metadata.reference_cross_attention = pipeline_->unet->config().reference_cross_attention;
    metadata.noise_correlation = pipeline_->noise_correlation;
  }
  auto fields = weights::writeSubjectMetadata(metadata);
  fields.merge(weights::writeOrigins(pipeline_->origins));
  weights::writeSafetensors(path, tensors, fields);
}

}  // namespace cameo::train
