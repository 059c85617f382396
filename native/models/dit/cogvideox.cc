#include "models/dit/cogvideox.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "core/cancellation.h"
#include "core/initial.h"
#include "models/dit/film_attention.h"
#include "nn/attention.h"

namespace cameo::models {

namespace {

constexpr double kHeadEps = 1e-6;
/// The feed-forward takes so many tokens at most at a time: its hidden states would be the network's largest
/// tensor.
constexpr int64_t kTokensFedForward = 2048;

ModulatedNorm::Config normConfig(const CogVideoXConfig& config) {
  return {.dim = config.dim(), .eps = config.norm_eps, .affine = config.norm_affine};
}

nn::TimestepEmbeddingConfig timeConfig(const CogVideoXConfig& config, int64_t channels) {
  return {.channels = channels,
          .hidden = config.time_channels,
          .flip_sin_to_cos = config.flip_sin_to_cos,
          .freq_shift = config.freq_shift,
          .activation = config.time_activation};
}

/// Calls `each(rows, sample, modulation, first)` with the text's and the film's rows (n, dim) of each sample,
/// as views, and which of the sample's tokens is the first of them.
template <typename Each>
void forParts(const at::Tensor& x, int64_t text, const CogVideoXNorm::Modulations& modulations,
              const Each& each) {
  for (int64_t sample = 0; sample < x.size(0); ++sample) {
    each(x[sample].narrow(0, 0, text), sample, modulations.text, int64_t{0});
    each(x[sample].narrow(0, text, x.size(1) - text), sample, modulations.film, text);
  }
}

/// What `map(rows, modulation, sample)` makes of each part, in the parts' places.
template <typename Map>
at::Tensor mapParts(const at::Tensor& x, int64_t text, const CogVideoXNorm::Modulations& modulations,
                    const Map& map) {
  std::vector<at::Tensor> samples;
  for (int64_t i = 0; i < x.size(0); ++i) {
    const std::vector<at::Tensor> parts = x[i].split({text, x.size(1) - text});
    samples.push_back(at::cat({map(parts[0], modulations.text, i), map(parts[1], modulations.film, i)}));
  }
  return at::stack(samples);
}

/// Where along `count` tokens of a side the trained grid's places are taken from, and how far apart.
struct Span {
  double first, last;
};

/// The part of the trained grid that has the film's shape, in its middle.
std::pair<Span, Span> fittedSpans(const TokenGrid& grid, int64_t base_height, int64_t base_width) {
  const auto height = static_cast<double>(grid.height), width = static_cast<double>(grid.width);
  const auto most_height = static_cast<double>(base_height), most_width = static_cast<double>(base_width);
  double fitted_height = most_height, fitted_width = most_width;
  if (height / width > most_height / most_width) {
    fitted_width = std::nearbyint(most_height / height * width);
  } else {
    fitted_height = std::nearbyint(most_width / width * height);
  }
  const double top = std::nearbyint((most_height - fitted_height) / 2);
  const double left = std::nearbyint((most_width - fitted_width) / 2);
  return {{top, top + fitted_height}, {left, left + fitted_width}};
}

at::Tensor placesIn(const Span& span, int64_t count, const at::TensorOptions& options) {
  const auto n = static_cast<double>(count);
  return at::linspace(span.first, span.last * (n - 1) / n, count, options);
}

/// As its authors begin: each block is the identity (adaLN-Zero, arXiv 2212.09748, section 3.2), and learned
/// places are sinusoids, of the text's tokens 0.
void setCogVideoXInitial(ParameterSet& parameters, const CogVideoXConfig& config) {
  const Initial zeros = constantInitial(0);
  const Initial places = [config](const std::vector<int64_t>& shape, const at::Generator&) {
    const at::Tensor value = at::zeros(shape);
    addSincosPositions(value.narrow(1, config.text_tokens, config.sampleGrid().tokens()), config.sampleGrid(),
                       config.scales);
    return value;
  };
  setInitial(parameters, {{"norm1.linear.weight", zeros},
                          {"norm1.linear.bias", zeros},
                          {"norm2.linear.weight", zeros},
                          {"norm2.linear.bias", zeros},
                          {"pos_embedding", places}});
}

}  // namespace

Rotary cogVideoXRotary(const CogVideoXConfig& config, const TokenGrid& grid, at::Device device) {
  const auto options = at::TensorOptions(at::kFloat).device(device);
  const int64_t of_time = config.head_size / 4, of_side = config.head_size / 8 * 3;
  at::Tensor rows, columns;
  if (config.patches_over_time) {
    rows = at::arange(grid.height, options);
    columns = at::arange(grid.width, options);
  } else {
    const auto [tall, wide] =
        fittedSpans(grid, config.sample_height / config.patch.side, config.sample_width / config.patch.side);
    rows = placesIn(tall, grid.height, options);
    columns = placesIn(wide, grid.width, options);
  }
  return rotaryOf({at::arange(grid.frames, options), of_time}, {rows, of_side}, {columns, of_side});
}

CogVideoXNorm::CogVideoXNorm(const Scope& scope, const CogVideoXConfig& config)
    : linear_(scope / "linear", config.time_channels, 6 * config.dim()),
      norm_(scope / "norm", normConfig(config)) {}

CogVideoXNorm::Modulations CogVideoXNorm::modulations(const at::Tensor& time) const {
  const std::vector<at::Tensor> parts = linear_.forward(time).chunk(6, 1);
  return {.text = {parts[3], parts[4], parts[5]}, .film = {parts[0], parts[1], parts[2]}};
}

JointAttention::JointAttention(const Scope& scope, const CogVideoXConfig& config)
    : heads_(config.heads),
      to_q_(scope / "to_q", config.dim(), config.dim(), config.attention_bias),
      to_k_(scope / "to_k", config.dim(), config.dim(), config.attention_bias),
      to_v_(scope / "to_v", config.dim(), config.dim(), config.attention_bias),
      to_out_(scope / "to_out" / 0, config.dim(), config.dim()),
      norm_q_(scope / "norm_q", config.head_size, kHeadEps),
      norm_k_(scope / "norm_k", config.head_size, kHeadEps) {}

at::Tensor JointAttention::forward(const at::Tensor& x, int64_t text, const Rotary* rotary) const {
  const auto normed = [&](const nn::Linear& linear, const HeadNorm& norm) {
    const at::Tensor heads = linear.forward(x).unflatten(-1, {heads_, -1});  // (B, L, H, d)
    return norm.forward(heads, rotary, text).transpose(1, 2);
  };
  const at::Tensor q = normed(to_q_, norm_q_), k = normed(to_k_, norm_k_);
  throwIfCancelled();
  return to_out_.forward(nn::mergeHeads(attendToFilm(q, k, nn::splitHeads(to_v_.forward(x), heads_))));
}

CogVideoXBlock::CogVideoXBlock(const Scope& scope, const CogVideoXConfig& config)
    : parameters_(scope.set()),
      norm1_(scope / "norm1", config),
      attention_(scope / "attn1", config),
      norm2_(scope / "norm2", config),
      feed_forward_(scope / "ff", config.dim(), config.activation) {
  parameters_.close();
}

void CogVideoXBlock::forward(const at::Tensor& x, int64_t text, const at::Tensor& time,
                             const Rotary* rotary) const {
  throwIfCancelled();
  {
    const CogVideoXNorm::Modulations modulations = norm1_.modulations(time);
    const ModulatedNorm& norm = norm1_.norm();
    at::Tensor attended = at::empty_like(x);
    forParts(x, text, modulations,
             [&](const at::Tensor& rows, int64_t sample, const Modulation& modulation, int64_t first) {
               attended[sample]
                   .narrow(0, first, rows.size(0))
                   .copy_(norm.forward(rows, norm.folded(modulation, sample)));
             });
    attended = attention_.forward(attended, text, rotary);
    forParts(x, text, modulations,
             [&](const at::Tensor& rows, int64_t sample, const Modulation& modulation, int64_t first) {
               rows.addcmul_(attended[sample].narrow(0, first, rows.size(0)), modulation.gate[sample]);
             });
  }
  const CogVideoXNorm::Modulations modulations = norm2_.modulations(time);
  const ModulatedNorm& norm = norm2_.norm();
  forParts(x, text, modulations,
           [&](const at::Tensor& rows, int64_t sample, const Modulation& modulation, int64_t) {
             const ModulatedNorm::Folded folded = norm.folded(modulation, sample);
             const int64_t times = (rows.size(0) + kTokensFedForward - 1) / kTokensFedForward;
             for (const at::Tensor& some : rows.tensor_split(std::max<int64_t>(times, 1))) {
               throwIfCancelled();
               some.addcmul_(feed_forward_.forward(norm.forward(some, folded)), modulation.gate[sample]);
             }
           });
}

at::Tensor CogVideoXBlock::differentiable(const at::Tensor& x, int64_t text, const at::Tensor& time,
                                          const Rotary* rotary) const {
  throwIfCancelled();
  const CogVideoXNorm::Modulations first = norm1_.modulations(time), second = norm2_.modulations(time);
  const auto normed = [](const CogVideoXNorm& norm) {
    return [&norm](const at::Tensor& rows, const Modulation& modulation, int64_t sample) {
      return norm.norm().forward(rows, norm.norm().folded(modulation, sample));
    };
  };
  const auto gated = [](const at::Tensor& rows, const Modulation& modulation, int64_t sample) {
    return rows * modulation.gate[sample];
  };
  const at::Tensor attended = attention_.forward(mapParts(x, text, first, normed(norm1_)), text, rotary);
  const at::Tensor y = x + mapParts(attended, text, first, gated);
  throwIfCancelled();
  const at::Tensor fed = feed_forward_.forward(mapParts(y, text, second, normed(norm2_)));
  return y + mapParts(fed, text, second, gated);
}

CogVideoX::CogVideoX(const CogVideoXConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      patches_(Scope(*parameters_) / "patch_embed" / "proj",
               {.patch = config.patch,
                .channels = config.in_channels,
                .dim = config.dim(),
                .stored = config.patches_over_time ? PatchEmbedding::Stored::Matrix
                                                   : PatchEmbedding::Stored::Kernel2d,
                .bias = config.patch_bias}),
      text_proj_(Scope(*parameters_) / "patch_embed" / "text_proj", config.text_dim, config.dim()),
      positions_(config.learned_positions
                     ? &(Scope(*parameters_) / "patch_embed")
                            .parameter("pos_embedding",
                                       {1, config.text_tokens + config.sampleGrid().tokens(), config.dim()})
                     : nullptr),
      time_embedding_(Scope(*parameters_) / "time_embedding", timeConfig(config, config.dim())),
      norm_final_(Scope(*parameters_) / "norm_final", normConfig(config)),
      norm_out_linear_(Scope(*parameters_) / "norm_out" / "linear", config.time_channels, 2 * config.dim()),
      norm_out_(Scope(*parameters_) / "norm_out" / "norm", normConfig(config)),
      proj_out_(Scope(*parameters_) / "proj_out", config.dim(),
                config.patch.latents() * config.out_channels) {
  if (config.offset_channels) {
    offset_embedding_.emplace(Scope(*parameters_) / "ofs_embedding",
                              timeConfig(config, *config.offset_channels));
  }
  blocks_.reserve(config.layers);
  for (int64_t i = 0; i < config.layers; ++i) {
    blocks_.emplace_back(Scope(*parameters_) / "transformer_blocks" / i, config);
  }
  setCogVideoXInitial(*parameters_, config);
}

at::Tensor CogVideoX::timeOf(const CogVideoXInput& input) const {
  const at::ScalarType dtype = input.latents.scalar_type();
  at::Tensor time = time_embedding_.forward(input.timesteps, dtype);
  if (offset_embedding_) {
    const at::Tensor offset = at::full({1}, input.offset.value_or(0), input.timesteps.options());
    time = time + offset_embedding_->forward(offset, dtype);
  }
  return at::silu(time);
}

void CogVideoX::addPositions(const at::Tensor& tokens, const TokenGrid& grid, int64_t frames) const {
  if (positions_ != nullptr && (frames - 1) * config_.frames_per_latent + 1 == config_.sample_frames) {
    tokens.add_(positions_->like(tokens));
    return;
  }
  // A film of another length than the learned ones has what these were begun with, as in diffusers.
  if (positions_ == nullptr && config_.rotary) return;
  const int64_t text = tokens.size(1) - grid.tokens();
  addSincosPositions(tokens.narrow(1, text, grid.tokens()), grid, config_.scales);
}

at::Tensor CogVideoX::tokensOf(const CogVideoXInput& input, const TokenGrid& grid) const {
  const int64_t text = input.text.size(1);
  const at::Tensor tokens =
      at::empty({input.latents.size(0), text + grid.tokens(), config_.dim()}, input.latents.options());
  tokens.narrow(1, 0, text).copy_(text_proj_.forward(input.text));
  tokens.narrow(1, text, grid.tokens()).copy_(patches_.forward(input.latents));
  addPositions(tokens, grid, input.latents.size(1));
  return tokens;
}

at::Tensor CogVideoX::outputOf(const at::Tensor& film, const at::Tensor& time) const {
  const std::vector<at::Tensor> parts = norm_out_linear_.forward(time).chunk(2, 1);
  const at::Tensor none = at::zeros_like(parts[0]);
  const Modulation as_it_is{none, none}, by_time{parts[0], parts[1]};
  std::vector<at::Tensor> outputs;
  for (int64_t sample = 0; sample < film.size(0); ++sample) {
    const at::Tensor normed = norm_final_.forward(film[sample], norm_final_.folded(as_it_is, sample));
    outputs.push_back(proj_out_.forward(norm_out_.forward(normed, norm_out_.folded(by_time, sample))));
  }
  return at::stack(outputs);
}

at::Tensor CogVideoX::throughBlocks(at::Tensor tokens, const CogVideoXInput& input, const at::Tensor& time,
                                    const std::optional<Rotary>& rotary) const {
  const int64_t text = input.text.size(1);
  for (const CogVideoXBlock& block : blocks_) {
    if (!c10::GradMode::is_enabled()) {
      block.forward(tokens, text, time, rotary ? &*rotary : nullptr);
      continue;
    }
    const auto through = [&block, text, rotary](const std::vector<at::Tensor>& inputs) {
      return block.differentiable(inputs[0], text, inputs[1], rotary ? &*rotary : nullptr);
    };
    tokens =
        input.recompute ? nn::recompute(through, {tokens, time}, block.trained()) : through({tokens, time});
  }
  return tokens;
}

at::Tensor CogVideoX::forward(const CogVideoXInput& input) const {
  const at::Tensor& latents = input.latents;
  const TokenGrid grid = tokenGrid(config_.patch, latents.size(1), latents.size(3), latents.size(4));
  const at::Tensor time = timeOf(input);
  std::optional<Rotary> rotary;
  if (config_.rotary) rotary = cogVideoXRotary(config_, grid, latents.device());
  const int64_t text = input.text.size(1);
  const at::Tensor tokens = throughBlocks(tokensOf(input, grid), input, time, rotary);
  return fromPatches(outputOf(tokens.narrow(1, text, grid.tokens()), time), config_.patch, grid);
}

}  // namespace cameo::models
