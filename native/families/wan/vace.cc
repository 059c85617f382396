#include "families/wan/vace.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <utility>

#include "core/error.h"
#include "families/wan/vace_conditions.h"
#include "families/wan/wan_denoiser.h"
#include "families/whole_model.h"
#include "pipeline/device_visit.h"
#include "pipeline/start.h"

namespace cameo::families {

namespace {

using pipeline::SampleRequest;

/// What the names of VACE's own tensors begin with.
constexpr std::string_view kVace = "vace_";

/// Wan's denoiser with VACE's blocks beside it, whose weights are on the device as long as it lives. In a
/// window the blocks see what is known of its own latents, and the references.
class VaceDenoiser : public WanDenoiser {
 public:
  /// `known`: (1, R + T, C', h, w).
  VaceDenoiser(const Vace& model, models::WanReads texts, at::Tensor reads, models::VaceHints hints,
               at::Tensor known)
      : WanDenoiser(model, std::move(texts), std::move(reads)),
        visit_(model.context->parameters(), model.device),
        hints_(std::move(hints)),
        known_(std::move(known)) {}

  at::Tensor input(const pipeline::FrameWindow& window) override {
    if (window != seen_) hints_.see(window.of(known_, 1));
    seen_ = window;
    return WanDenoiser::input(window);
  }

 protected:
  models::WanHints* hints() override { return &hints_; }

 private:
  const pipeline::DeviceVisit visit_;
  models::VaceHints hints_;
  at::Tensor known_;
  pipeline::FrameWindow seen_;  // by the hints; of none at first
};

/// What VACE's blocks see, (1, R + T, C', h, w).
at::Tensor conditionsOf(const Vace& model, const SampleRequest& request, const pipeline::Start& start,
                        const std::function<void()>& onEach, pipeline::Recorder& recorder) {
  const pipeline::DeviceVisit visit(model.vae->parameters(), model.device);
  const at::Tensor conditions = vaceConditions({request, start.film, *model.vae_codec}, onEach);
  recorder.addVideo("conditioning_latents", conditions);
  return conditions;
}

struct VaceReads {
  models::WanReads texts;
  models::VaceHints hints;
};

/// What the layers read of texts' states (T, S, D), and VACE's blocks. Both networks are on their device
/// meanwhile.
VaceReads readingOf(const Vace& model, const at::Tensor& texts, double scale) {
  const pipeline::DeviceVisit of_transformer(model.transformer->parameters(), model.device);
  const pipeline::DeviceVisit of_context(model.context->parameters(), model.device);
  const models::WanContext read = model.transformer->embedTexts(texts);
  const models::Vace& context = *model.context;
  return {model.transformer->read(read), {context, context.read(read), scale}};
}

/// Whether it is one of VACE's own tensors.
bool isOfVace(std::string_view name) {
  return name.starts_with(kVace);
}

}  // namespace

void Vace::buildOwn(const weights::BaseModel&, const weights::Component& parts) {
  const models::WanConfig& config = transformer->config();
  const auto vace_config = models::VaceConfig::read(Config(parts.config, parts.path), config);
  const int64_t seen = 2 * vae->config().latent_channels + vae_codec->stride() * vae_codec->stride();
  if (vace_config.in_channels != seen) {
    throw Error(ErrorCode::WeightsMismatch,
                c10::str(parts.path, ": its parts don't fit together: VACE's blocks see ",
                         vace_config.in_channels, " channels, and of the VAE's latents ", seen, " are made"));
  }
  context = std::make_unique<models::Vace>(config, vace_config);
  context_layers_ = layersWhere(parts, isOfVace);
}

std::vector<weights::Layer> Vace::transformerLayers(const weights::Component& parts) const {
  return layersWhere(parts, [](std::string_view name) { return !isOfVace(name); });
}

void Vace::loadOwn(NetworkLoader& loader) {
  loader.load("vace", context->parameters(), dtype, std::exchange(context_layers_, {}));
}

void Vace::describeOwn() {
  Wan::describeOwn();
  for (const char* ability :
       {"subject", "referencesOptional", "video", "mask", "image", "lastImage", "conditioning"}) {
    description[ability] = true;
  }
  description["referenceSize"] = "own";
  // That of subjects is Stable Diffusion's.
  nlohmann::json& defaults = description["defaults"];
  if (!defaults.contains("negativePrompt")) defaults["negativePrompt"] = "";
}

std::vector<pipeline::Network> Vace::networks() const {
  std::vector<pipeline::Network> all = Wan::networks();
  all.push_back({"vace", context->parameters(), dtype, /*denoises=*/true});
  return all;
}

void Vace::check(const SampleRequest& request) const {
  refuseOtherRequests(request,
                      "this model makes a film of a prompt, references, a film and a mask; leave it out",
                      {"reference", "video", "mask", "image", "lastImage", "context"});
  text->check(request);
  checkPlaces(request);
}

std::unique_ptr<pipeline::Denoiser> Vace::denoiser(const SampleRequest& request, const pipeline::Start& start,
                                                   const samplers::NoiseSchedule&,
                                                   const pipeline::OnProgress& onProgress,
                                                   pipeline::Recorder& recorder) const {
  const int64_t steps = request.referenceCount() + 2;
  int64_t done = 0;
  const auto report = [&] { onProgress({pipeline::Phase::Encode, ++done, steps, {}}); };
  const at::Tensor texts = text->encode(request, recorder).slice(0, guidanceScales(request).empty() ? 1 : 0);
  report();
  const at::Tensor known = conditionsOf(*this, request, start, report, recorder).to(dtype);
  report();
  VaceReads reads = readingOf(*this, texts, request.conditioning_scale);
  return std::make_unique<VaceDenoiser>(*this, std::move(reads.texts), at::arange(texts.size(0)),
                                        std::move(reads.hints), known);
}

}  // namespace cameo::families
