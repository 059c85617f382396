#include "models/dit/vace.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/StringUtil.h>

#include <cmath>
#include <utility>

namespace cameo::models {

namespace {

PatchEmbedding::Config vacePatches(const WanConfig& transformer, const VaceConfig& config) {
  return {.patch = transformer.patch,
          .channels = config.in_channels,
          .dim = transformer.dim(),
          .stored = PatchEmbedding::Stored::Kernel3d};
}

}  // namespace

VaceConfig VaceConfig::read(const Config& config, const WanConfig& transformer) {
  VaceConfig vace{.layers = {}, .in_channels = config.integer("vace_in_channels", 96)};
  const auto most = static_cast<double>(transformer.layers - 1);
  for (const double layer : config.numbers("vace_layers", Config::kMostLayers)) {
    const bool rises = vace.layers.empty() ? layer == 0 : layer > static_cast<double>(vace.layers.back());
    if (!rises || layer > most || layer != std::floor(layer)) {
      config.fail("vace_layers", c10::str("it must be a list of layers that rises from 0 to at most ", most));
    }
    vace.layers.push_back(static_cast<int64_t>(layer));
  }
  if (vace.layers.empty()) config.fail("vace_layers", "it must be a list of layers that rises from 0");
  return vace;
}

Vace::Vace(const WanConfig& transformer, const VaceConfig& config)
    : config_(config),
      parameters_(std::make_unique<ParameterSet>()),
      patches_(Scope(*parameters_) / "vace_patch_embedding", vacePatches(transformer, config)),
      proj_in_(Scope(*parameters_) / "vace_blocks" / 0 / "proj_in", transformer.dim(), transformer.dim()) {
  blocks_.reserve(config.layers.size());
  hints_.reserve(config.layers.size());
  for (size_t i = 0; i < config.layers.size(); ++i) {
    const Scope scope = Scope(*parameters_) / "vace_blocks" / static_cast<int64_t>(i);
    blocks_.emplace_back(scope, transformer);
    hints_.emplace_back(scope / "proj_out", transformer.dim(), transformer.dim());
  }
}

at::Tensor Vace::embed(const at::Tensor& known) const {
  return proj_in_.forward(patches_.forward(known));
}

WanReads Vace::read(const WanContext& context) const {
  WanReads reads;
  for (const WanBlock& block : blocks_) reads.layers.push_back(block.read(context));
  return reads;
}

at::Tensor Vace::forward(int64_t index, const at::Tensor& x, const WanState& state,
                         const WanReads& texts) const {
  return blocks_[index].forward(x, state, texts.layers[index]);
}

VaceHints::VaceHints(const Vace& vace, WanReads texts, double scale)
    : vace_(vace), texts_(std::move(texts)), scale_(scale) {}

void VaceHints::begin(const at::Tensor& x, const WanState& state) {
  state_ = state;
  tokens_ = known_ + x;
  next_ = 0;
}

at::Tensor VaceHints::after(int64_t index, const at::Tensor& x) {
  const std::vector<int64_t>& layers = vace_.config().layers;
  if (next_ == layers.size() || layers[next_] != index) return x;
  const auto block = static_cast<int64_t>(next_++);
  tokens_ = vace_.forward(block, tokens_, *state_, texts_);
  const at::Tensor hint = vace_.hint(block, tokens_);
  if (next_ == layers.size()) tokens_.reset();
  return c10::GradMode::is_enabled() ? at::add(x, hint, scale_) : x.add_(hint, scale_);
}

}  // namespace cameo::models
