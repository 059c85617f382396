#include "models/causal_vae/causal_vae.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::models {

namespace {

/// As many as the network was trained with: norms are over all frames of a chunk.
constexpr int64_t kFramesTogether = 8, kLatentsTogether = 2;
/// How much of a tile is shared with the one before, of its height and of its width.
constexpr int64_t kSharedRows = 6, kSharedColumns = 5;

std::vector<CausalResnet> causalResnets(const Scope& scope, const CausalVaeConfig& config, int64_t count,
                                        int64_t in, int64_t out, int64_t latent_channels) {
  std::vector<CausalResnet> resnets;
  for (int64_t i = 0; i < count; ++i) {
    resnets.emplace_back(scope / "resnets" / i, config, i == 0 ? in : out, out, latent_channels);
  }
  return resnets;
}

CausalLevel middle(const Scope& scope, const CausalVaeConfig& config, int64_t latent_channels) {
  const int64_t channels = config.block_out_channels.back();
  return {causalResnets(scope / "mid_block", config, 2, channels, channels, latent_channels), {}, {}};
}

at::Tensor throughLevel(const CausalLevel& level, at::Tensor x, const FilmChunk& chunk) {
  for (const CausalResnet& resnet : level.resnets) x = resnet.forward(x, chunk);
  if (level.downsample) return level.downsample->forward(x, chunk);
  return level.upsample ? level.upsample->forward(x, chunk) : x;
}

/// The first one has what is left over: of 13, 8 at a time, all; of 17, 9 and 8.
void forEachChunk(const at::Tensor& film, int64_t together,
                  const std::function<void(const at::Tensor& chunk, nn::ChunkHistory& history)>& each) {
  nn::ChunkHistory history;
  const int64_t frames = film.size(0), chunks = std::max<int64_t>(frames / together, 1);
  int64_t first = 0;
  for (int64_t i = 0; i < chunks; ++i) {
    const int64_t count = i == 0 ? frames - (chunks - 1) * together : together;
    if (i + 1 == chunks) history.beginLast();
    each(film.narrow(0, first, count), history);
    first += count;
  }
}

at::Tensor pointwise(const std::optional<nn::PointwiseConv>& conv, const at::Tensor& x) {
  return conv ? conv->forward(x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2}) : x;
}

}  // namespace

CausalEncoder::CausalEncoder(const Scope& scope, const CausalVaeConfig& config)
    : conv_in_(scope / "conv_in" / "conv", config.image_channels, config.block_out_channels.front()),
      norm_out_(scope / "norm_out", {.channels = config.block_out_channels.back(),
                                     .groups = config.groups,
                                     .eps = kCausalVaeEps}),
      conv_out_(scope / "conv_out" / "conv", config.block_out_channels.back(), 2 * config.latent_channels) {
  int64_t in = config.block_out_channels.front();
  const auto count = static_cast<int64_t>(config.block_out_channels.size());
  for (int64_t i = 0; i < count; ++i) {
    const Scope block = scope / "down_blocks" / i;
    const int64_t out = config.block_out_channels[i];
    CausalLevel& level = levels_.emplace_back();
    level.resnets = causalResnets(block, config, config.layers_per_block, in, out, 0);
    if (i + 1 < count) level.downsample.emplace(block / "downsamplers" / 0, out, i < config.timeLevels());
    in = out;
  }
  levels_.push_back(middle(scope, config, 0));
}

at::Tensor CausalEncoder::forward(const at::Tensor& frames, nn::ChunkHistory& history) const {
  const FilmChunk chunk{history};
  at::Tensor x = conv_in_.forwardCopied(frames, history);
  for (const CausalLevel& level : levels_) x = throughLevel(level, std::move(x), chunk);
  x = conv_out_.forward(norm_out_.forward(x, chunk, nn::Activation::Silu), history);
  history.endChunk();
  return x;
}

CausalDecoder::CausalDecoder(const Scope& scope, const CausalVaeConfig& config)
    : conv_in_(scope / "conv_in" / "conv", config.latent_channels, config.block_out_channels.back()),
      norm_out_(scope / "norm_out", {.channels = config.block_out_channels.front(),
                                     .groups = config.groups,
                                     .eps = kCausalVaeEps,
                                     .latent_channels = config.latent_channels}),
      conv_out_(scope / "conv_out" / "conv", config.block_out_channels.front(), config.image_channels) {
  levels_.push_back(middle(scope, config, config.latent_channels));
  int64_t in = config.block_out_channels.back();
  const auto count = static_cast<int64_t>(config.block_out_channels.size());
  for (int64_t i = 0; i < count; ++i) {
    const Scope block = scope / "up_blocks" / i;
    const int64_t out = config.block_out_channels[count - 1 - i];
    CausalLevel& level = levels_.emplace_back();
    level.resnets =
        causalResnets(block, config, config.layers_per_block + 1, in, out, config.latent_channels);
    if (i + 1 < count) level.upsample.emplace(block / "upsamplers" / 0, out, i < config.timeLevels());
    in = out;
  }
}

at::Tensor CausalDecoder::forward(const at::Tensor& latents, nn::ChunkHistory& history) const {
  const FilmChunk chunk{history, latents};
  at::Tensor x = conv_in_.forwardCopied(latents, history);
  for (const CausalLevel& level : levels_) x = throughLevel(level, std::move(x), chunk);
  at::Tensor room = norm_out_.forward(x, chunk, nn::Activation::Silu);
  x.reset();
  x = conv_out_.forward(room, history);
  history.endChunk();
  return x;
}

CausalVae::CausalVae(const CausalVaeConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      encoder_(Scope(*parameters_) / "encoder", config),
      decoder_(Scope(*parameters_) / "decoder", config) {
  const Scope scope(*parameters_);
  const auto add = [&](std::optional<nn::PointwiseConv>& conv, const char* name, int64_t channels) {
    conv.emplace(scope / name, channels, channels, /*dims=*/3);
  };
  if (config.quant_conv) add(quant_conv_, "quant_conv", 2 * config.latent_channels);
  if (config.post_quant_conv) add(post_quant_conv_, "post_quant_conv", config.latent_channels);
}

std::pair<TileSide, TileSide> CausalVae::tiles() const {
  const int64_t scale = config_.scale();
  const auto side = [scale](int64_t pixels, int64_t shared) {
    const int64_t latents = std::max<int64_t>(2, pixels / scale);
    const int64_t stride = std::max<int64_t>(1, latents * (shared - 1) / shared);
    return TileSide{latents, latents * scale, stride, (latents - stride) * scale};
  };
  return {side(config_.tile_height, kSharedRows), side(config_.tile_width, kSharedColumns)};
}

at::Tensor CausalVae::moments(const at::Tensor& frames) const {
  std::vector<at::Tensor> chunks;
  forEachChunk(frames, kFramesTogether, [&](const at::Tensor& chunk, nn::ChunkHistory& history) {
    chunks.push_back(pointwise(quant_conv_, encoder_.forward(chunk, history)));
  });
  return at::cat(chunks);
}

Posterior CausalVae::encode(const at::Tensor& frames, bool tiled) const {
  at::Tensor all;
  if (tiled) {
    const auto inPixels = [](const TileSide& side) {
      const int64_t scale = side.output / side.input;
      return TileSide{side.output, side.input, side.stride * scale, side.blended / scale};
    };
    const auto [rows, columns] = tiles();
    all = mapTiles(frames, inPixels(rows), inPixels(columns),
                   [this](const at::Tensor& tile) { return moments(tile); });
  } else {
    all = moments(frames);
  }
  const auto halves = all.chunk(2, 1);
  return {halves[0], halves[1].clamp(-30, 20)};
}

void CausalVae::decodeWhole(const at::Tensor& latents, const OnFrames& onFrames) const {
  forEachChunk(latents, kLatentsTogether, [&](const at::Tensor& chunk, nn::ChunkHistory& history) {
    onFrames(decoder_.forward(pointwise(post_quant_conv_, chunk), history));
  });
}

void CausalVae::decode(const at::Tensor& latents, bool tiled, const OnFrames& onFrames) const {
  const auto [rows, columns] = tiles();
  if (!tiled || (latents.size(2) <= rows.input && latents.size(3) <= columns.input)) {
    return decodeWhole(latents, onFrames);
  }
  onFrames(mapTiles(latents, rows, columns, [this](const at::Tensor& tile) {
    std::vector<at::Tensor> frames;
    decodeWhole(tile, [&](const at::Tensor& chunk) { frames.push_back(chunk); });
    return at::cat(frames);
  }));
}

}  // namespace cameo::models
