#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "parallel/process_group.h"
#include "pipeline/request.h"
#include "schedulers/noise_schedule.h"
#include "train/learning_rate.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "train/selection.h"
#include "train/vae_objective.h"

namespace cameo::train {

/// What the trainer itself needs of a recipe; data, checkpoints and validation are TypeScript's.
struct TrainerOptions {
  pipeline::LoadOptions model;
  bool is_subject = false;                // samples have references, seen through PISA
  std::optional<VaeObjectiveConfig> vae;  // trains the VAE, and no diffusion; none: another network
  std::vector<std::string> trained;       // patterns, see `selectParameters`
  std::optional<LoraConfig> lora;
  std::optional<schedulers::Prediction> prediction;  // none: the base model's
  ObjectiveConfig objective;
  double drop_condition = 0.1;
  double timestep_shift = 1;  // see `shiftTimestep`
  LearningRateConfig learning_rate;
  AdamWConfig optimizer;
  double ema_decay = 0;  // 0: no averages
  uint64_t seed = 0;
  bool shard_optimizer = false;
  std::optional<parallel::Membership> membership;  // none: this process trains alone
};

/// From the JSON of a complete recipe (`CompleteRecipe` in ts/training/recipe.ts), which was checked there,
/// with `membership` added among several processes.
TrainerOptions readTrainerOptions(const nlohmann::json& recipe);

}  // namespace cameo::train
