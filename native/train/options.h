#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "parallel/process_group.h"
#include "pipeline/request.h"
#include "train/learning_rate.h"
#include "train/optimizer.h"
#include "train/selection.h"

namespace cameo::train {

/// What the trainer itself needs of a recipe; data, checkpoints and validation are TypeScript's.
struct TrainerOptions {
  pipeline::LoadOptions model;
  nlohmann::json recipe;  // whole: what its objective reads of it
  std::optional<LoraConfig> lora;
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
