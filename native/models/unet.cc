#include "models/unet.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace cameo::models {

namespace {

/// x (B*(F+R), C, h, w) with what ControlNets say of its frames.
at::Tensor withResidual(const at::Tensor& x, const at::Tensor& residual, const nn::FrameLayout& layout) {
  if (layout.references == 0) return x + residual;
  const auto parts = x.unflatten(0, {-1, layout.images()}).split({layout.frames, layout.references}, 1);
  return at::cat({parts[0] + residual.unflatten(0, {-1, layout.frames}), parts[1]}, 1).flatten(0, 1);
}

/// To the outermost of `skips`, as many as there are residuals.
void addToSkips(std::vector<at::Tensor>& skips, const ControlResiduals& residuals,
                const nn::FrameLayout& layout) {
  const size_t count = std::min(skips.size(), residuals.skips.size());
  for (size_t i = 0; i < count; ++i) skips[i] = withResidual(skips[i], residuals.skips[i], layout);
}

/// Throws where regions or strengths don't go with the rest of the input.
void checkRegions(const UNetInput& input) {
  const auto refuse = [](const std::string& message) { throw Error(ErrorCode::InvalidOption, message); };
  if (input.regions && input.regions->references() != input.references) {
    refuse("the subjects have " + std::to_string(input.regions->references()) + " references, the request " +
           std::to_string(input.references));
  }
  if (input.words.texts.size() != (input.regions ? input.regions->withWords() : 0)) {
    refuse("there must be a text for each subject with words");
  }
  if (input.regions && input.regions->hasRegions() && input.token_merging > 0) {
    refuse("subjects with regions don't go with token merging: leave one of them out");
  }
  for (const auto& strengths : input.reference_strengths) {
    if (static_cast<int64_t>(strengths.size()) != input.references) {
      refuse("there are " + std::to_string(strengths.size()) + " strengths for " +
             std::to_string(input.references) + " references");
    }
    const auto fits = [](double strength) { return strength >= 0 && std::isfinite(strength); };
    if (!std::ranges::all_of(strengths, fits)) refuse("a reference's strength must be 0 or more");
  }
}

/// Strengths are of a layer's regions: without any, those of one subject everywhere.
std::shared_ptr<const nn::Regions> regionsOf(const UNetInput& input) {
  if (input.regions || input.reference_strengths.empty()) return input.regions;
  return std::make_shared<const nn::Regions>(std::vector<nn::Subject>{{input.references, {}}});
}

/// (B, S, D), or (B, F+R, S, D) where each frame has its own.
at::Tensor textOfImages(const UNetInput& input) {
  if (input.text.dim() == 3 || input.references == 0) return input.text;
  const at::Tensor theirs = input.reference_text.unsqueeze(1).expand({-1, input.references, -1, -1});
  return at::cat({input.text, theirs}, 1);
}

/// Whether some of the batch's rows read some.
bool hasWords(const UNetInput& input) {
  return !input.words.texts.empty() && input.words.first_row < input.images.size(0);
}

nn::MotionOptions motionOptions(const UNetInput& input) {
  nn::MotionOptions options = input.motion;
  options.references = input.references;
  return options;
}

}  // namespace

UNet::UNet(const UNetConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      conv_in_(Scope(*parameters_) / "conv_in",
               {.in = config.in_channels, .out = config.block_out_channels.front()}),
      time_embedding_(Scope(*parameters_) / "time_embedding", timeConfig(config)),
      conv_norm_out_(Scope(*parameters_) / "conv_norm_out", config.groups, config.block_out_channels.front(),
                     config.eps),
      conv_out_(Scope(*parameters_) / "conv_out",
                {.in = config.block_out_channels.front(), .out = config.out_channels}) {
  const Scope scope(*parameters_);
  for (size_t i = 0; i < config.blocks(); ++i) {
    down_blocks_.emplace_back(scope / "down_blocks" / i, config_, i);
  }
  mid_block_.emplace(scope / "mid_block", config_);
  for (size_t i = 0; i < config.blocks(); ++i) {
    up_blocks_.emplace_back(scope / "up_blocks" / i, config_, i);
  }
}

at::Tensor UNet::runAll(at::Tensor x, const UNetContext& context, const ControlResiduals& residuals,
                        FeatureCache* cache) const {
  std::vector<at::Tensor> skips = {x};
  for (const DownBlock& block : down_blocks_) x = block.forward(std::move(x), context, skips);
  x = mid_block_->forward(x, context);
  addToSkips(skips, residuals, context.layout);
  if (residuals.mid.defined()) x = withResidual(x, residuals.mid, context.layout);
  const UpBlock& last = up_blocks_.back();
  for (const UpBlock& block : up_blocks_) {
    if (&block != &last) x = block.forward(std::move(x), context, skips);
  }
  // The outermost block does not scale up.
  const size_t first_cached = cache == nullptr ? 0 : last.layers() - cache->layers;
  x = last.runLayers(std::move(x), context, skips, 0, first_cached);
  if (cache != nullptr) cache->features = x;
  return last.runLayers(std::move(x), context, skips, first_cached, last.layers());
}

at::Tensor UNet::runOutermost(at::Tensor x, const UNetContext& context, const ControlResiduals& residuals,
                              const FeatureCache& cache) const {
  std::vector<at::Tensor> skips = {x};
  down_blocks_.front().runLayers(std::move(x), context, skips, cache.layers - 1);
  addToSkips(skips, residuals, context.layout);
  const UpBlock& last = up_blocks_.back();
  return last.runLayers(cache.features, context, skips, last.layers() - cache.layers, last.layers());
}

at::Tensor UNet::forward(const UNetInput& input) const {
  checkRegions(input);
  const int64_t images = input.images.size(1);
  UNetContext context{
      .time = time_embedding_.forward(input.timesteps, input.images.scalar_type()),
      .sources = {.text = textOfImages(input),
                  .images = input.image_prompts,
                  .words = hasWords(input) ? &input.words : nullptr},
      .layout = {.frames = images - input.references,
                 .references = input.references,
                 .references_read_text = config_.reference_cross_attention},
      .still_rows = input.still_rows,
      .regions = regionsOf(input),
      .reference_strengths = input.reference_strengths,
      .token_merging = input.token_merging,
      .motion = motionOptions(input),
      .recompute = input.recompute && c10::GradMode::is_enabled(),
  };
  at::Tensor x = input.images.flatten(0, 1);  // (B*(F+R), C, h, w)
  if (x.is_cpu()) x = x.contiguous(at::MemoryFormat::ChannelsLast);
  x = conv_in_.forward(x);
  const bool cached = input.cache != nullptr && input.cache->features.defined();
  x = cached ? runOutermost(std::move(x), context, input.residuals, *input.cache)
             : runAll(std::move(x), context, input.residuals, input.cache);
  // diffusers' UNetMotionModel ends in SiLU whatever the config says; its UNet2DConditionModel does not.
  const nn::Activation last = config_.motion ? nn::Activation::Silu : config_.activation;
  x = conv_out_.forward(conv_norm_out_.forward(x, last));
  return x.unflatten(0, {-1, images});
}

}  // namespace cameo::models
