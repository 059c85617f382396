#include "models/dit/wan_transformer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "core/initial.h"
#include "nn/repeated_key.h"

namespace cameo::models {

namespace {

PatchEmbedding::Config wanPatches(const WanConfig& config) {
  return {.patch = config.patch,
          .channels = config.in_channels,
          .dim = config.dim(),
          .stored = PatchEmbedding::Stored::Kernel3d};
}

/// As the released code's `WanModel.init_weights`: the first step's output is 0.
void setWanInitial(ParameterSet& parameters, const WanConfig& config) {
  const Initial zeros = constantInitial(0), ones = constantInitial(1), narrow = normalInitial(0.02);
  setInitial(parameters,
             {{"scale_shift_table", normalInitial(1 / std::sqrt(static_cast<double>(config.dim())))},
              {"proj_out.weight", zeros},
              {"text_embedder.linear_1.weight", narrow},
              {"text_embedder.linear_2.weight", narrow},
              {"time_embedder.linear_1.weight", narrow},
              {"time_embedder.linear_2.weight", narrow},
              {"norm_q.weight", ones},
              {"norm_k.weight", ones},
              {"norm_added_k.weight", ones},
              {"norm2.weight", ones},
              {".weight", xavierInitial()},
              {"patch_embedding.bias", {}},
              {".bias", zeros}});
}

}  // namespace

Rotary wanRotary(const WanConfig& config, const TokenGrid& grid, at::Device device) {
  const int64_t of_side = config.head_size / 6 * 2;
  const auto places = [&](int64_t count) {
    return at::arange(count, at::TensorOptions(at::kDouble).device(device));
  };
  return rotaryOf({places(grid.frames), config.head_size - 2 * of_side}, {places(grid.height), of_side},
                  {places(grid.width), of_side});
}

WanTransformer::WanTransformer(const WanConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      patches_(Scope(*parameters_) / "patch_embedding", wanPatches(config)),
      time_embedding_(Scope(*parameters_) / "condition_embedder" / "time_embedder",
                      {.channels = config.time_channels, .hidden = config.dim()}),
      time_proj_(Scope(*parameters_) / "condition_embedder" / "time_proj", config.dim(), 6 * config.dim()),
      text_1_(Scope(*parameters_) / "condition_embedder" / "text_embedder" / "linear_1", config.text_dim,
              config.dim()),
      text_2_(Scope(*parameters_) / "condition_embedder" / "text_embedder" / "linear_2", config.dim(),
              config.dim()),
      out_table_(Scope(*parameters_).parameterInFloat("scale_shift_table", {1, 2, config.dim()})),
      proj_out_(Scope(*parameters_) / "proj_out", config.dim(),
                config.patch.latents() * config.out_channels) {
  blocks_.reserve(config.layers);
  for (int64_t i = 0; i < config.layers; ++i) {
    ranges_.emplace_back(*parameters_);
    blocks_.emplace_back(Scope(*parameters_) / "blocks" / i, config);
    ranges_.back().close();
  }
  setWanInitial(*parameters_, config);
}

WanContext WanTransformer::embedTexts(const at::Tensor& states) const {
  const int64_t equal = nn::equalRowsAtEnd(states);
  const at::Tensor told = states.narrow(1, 0, states.size(1) - equal + 1);
  return {.text = text_2_.forward(at::gelu(text_1_.forward(told), "tanh")), .text_times = equal};
}

WanReads WanTransformer::read(const WanContext& context) const {
  WanReads reads;
  for (const WanBlock& block : blocks_) reads.layers.push_back(block.read(context));
  return reads;
}

TokenGrid WanTransformer::grid(const at::Tensor& latents) const {
  return tokenGrid(config_.patch, latents.size(1), latents.size(3), latents.size(4));
}

at::Tensor WanTransformer::outputOf(const at::Tensor& x, const at::Tensor& time,
                                    const TokenGrid& grid) const {
  const auto parts = (out_table_->to(at::kFloat) + time.unsqueeze(1)).unbind(1);  // shift, scale
  const int64_t side = config_.patch.side;
  return proj_out_.forward(modulated(x, parts[1], parts[0], config_.eps))
      .unflatten(2, {side, side, config_.out_channels})
      .unflatten(1, {grid.frames, grid.height, grid.width})
      .permute({0, 1, 6, 2, 4, 3, 5})  // (B, F, C, h, p, w, p)
      .flatten(5, 6)
      .flatten(3, 4);
}

at::Tensor WanTransformer::recomputed(int64_t index, const at::Tensor& x, const WanState& state,
                                      const WanRead& read) const {
  std::vector<at::Tensor> inputs = {x, state.modulation, read.text.k, read.text.v};
  if (read.image) inputs.insert(inputs.end(), {read.image->k, read.image->v});
  const auto block = [&block = blocks_[index], rotary = state.rotary, reads = state.reads,
                      times = read.text.times](const std::vector<at::Tensor>& given) {
    WanRead again{.text = {given[2], given[3], times}, .image = std::nullopt};
    if (given.size() > 4) again.image = {given[4], given[5]};
    // Without gradients, as at first, the block would write into what it is given.
    const at::Tensor x = c10::GradMode::is_enabled() ? given[0] : given[0].clone();
    return block.forward(x, {.modulation = given[1], .rotary = rotary, .reads = reads}, again);
  };
  return nn::recompute(block, inputs, ranges_[index].trained());
}

at::Tensor WanTransformer::forward(const WanInput& input) const {
  const TokenGrid film = grid(input.latents);
  const at::Tensor time = time_embedding_.forward(input.timesteps, at::kFloat);
  const WanState state{
      .modulation = time_proj_.forward(at::silu(time)).unflatten(1, {6, config_.dim()}),
      .rotary = wanRotary(config_, film, input.latents.device()),
      .reads = input.reads,
  };
  const bool recomputes = input.recompute && c10::GradMode::is_enabled();
  at::Tensor x = patches_.forward(input.latents);
  if (input.hints != nullptr) input.hints->begin(x, state);
  for (int64_t i = 0; i < config_.layers; ++i) {
    const WanRead& read = input.texts.layers[i];
    x = recomputes ? recomputed(i, x, state, read) : blocks_[i].forward(x, state, read);
    if (input.hints != nullptr) x = input.hints->after(i, x);
  }
  return outputOf(x, time, film);
}

}  // namespace cameo::models
