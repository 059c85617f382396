#include "train/options.h"

namespace cameo::train {

namespace {

using nlohmann::json;

LearningRateConfig readLearningRate(const json& optimizer, int64_t steps) {
  return {.peak = optimizer.at("learningRate"),
          .warmup = optimizer.at("warmup"),
          .cosine = optimizer.at("schedule") == "cosine",
          .last = optimizer.at("finalLearningRate"),
          .total_steps = steps};
}

AdamWConfig readAdamW(const json& optimizer) {
  return {.beta1 = optimizer.at("betas")[0],
          .beta2 = optimizer.at("betas")[1],
          .eps = optimizer.at("epsilon"),
          .weight_decay = optimizer.at("weightDecay"),
          .max_gradient_norm = optimizer.at("maxGradientNorm")};
}

std::vector<std::string> readSubject(const json& model) {
  if (!model.contains("subject")) return {};
  return {model["subject"].get<std::string>()};
}

template <typename T>
std::optional<T> readOptional(const json& group, const char* name) {
  if (!group.contains(name)) return {};
  return group[name].get<T>();
}

parallel::Membership readMembership(const json& membership, const json& distributed) {
  return {.rank = membership.at("rank"),
          .world_size = membership.at("worldSize"),
          .address = membership.at("address"),
          .port = membership.at("port"),
          .timeout_seconds = distributed.at("timeoutSeconds")};
}

}  // namespace

TrainerOptions readTrainerOptions(const json& recipe) {
  const json& model = recipe.at("model");
  TrainerOptions options{
      .model = {.base = model.at("base"),
                .motion = model.value("motion", ""),
                .subject = readSubject(model),
                .subject_metadata = {.reference_cross_attention =
                                         readOptional<bool>(model, "referenceCrossAttention"),
                                     .noise_correlation = readOptional<double>(model, "noiseCorrelation")},
                .learns_subject = recipe.at("kind") == "phantom",
                .text_by_block = recipe.at("data").contains("cache"),
                .draw_missing = recipe.at("seed").get<uint64_t>(),
                .device = recipe.at("device"),
                .dtype = recipe.at("dtype")},
      .recipe = recipe,
      .lora = {},
      .learning_rate = readLearningRate(recipe.at("optimizer"), recipe.at("steps")),
      .optimizer = readAdamW(recipe.at("optimizer")),
      .ema_decay = recipe.value("ema", 0.0),
      .seed = recipe.at("seed"),
      .shard_optimizer = recipe.at("distributed").at("shardOptimizer"),
      .membership = {},
  };
  if (recipe.contains("lora")) {
    options.lora = LoraConfig{.rank = recipe["lora"].at("rank"), .alpha = recipe["lora"].at("alpha")};
  }
  if (recipe.contains("membership")) {
    options.membership = readMembership(recipe["membership"], recipe.at("distributed"));
    options.model.gpu = recipe["membership"].at("localRank");
  }
  return options;
}

}  // namespace cameo::train
