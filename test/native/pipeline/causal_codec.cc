#include <ATen/ATen.h>

#include "core/config.h"
#include "families/causal_vae_codec.h"
#include "harness.h"
#include "models/causal_vae/causal_vae.h"
#include "models/initialize.h"
#include "pipeline/memory_plan.h"
#include "pipeline/pipeline.h"

namespace cameo::test {

namespace {

/// Takes the latents for the noise that is in them.
class NoiseOnly : public pipeline::Denoiser {
 public:
  int64_t branches() const override { return 1; }
  void begin(const at::Tensor& latents, const pipeline::Moment&, int64_t) override { latents_ = latents; }
  at::Tensor input(const pipeline::FrameWindow& window) override { return window.of(latents_, 1); }
  at::Tensor evaluate(const at::Tensor& input, const pipeline::FrameWindow&, int64_t) override {
    return input * 0.5;
  }

 private:
  at::Tensor latents_;
};

/// A family of films over a VAE over time, without a network of its own.
struct CausalFilms : pipeline::Pipeline {
  explicit CausalFilms(const Json& config)
      : Pipeline(at::kCPU, at::kFloat),
        vae(models::CausalVaeConfig::read(Config(config.at("vae"), "VAE"))),
        vae_codec(vae, at::kCPU, at::kFloat),
        leading(config.value("leading", 0)) {
    models::initialize(vae.parameters(), 1, {.dtype = at::kFloat, .device = at::kCPU, .channels_last = true});
    scheduler = {{"_class_name", "DDIMScheduler"}, {"num_train_timesteps", 1000}};
  }

  std::vector<pipeline::Network> networks() const override { return {vae_codec.network()}; }
  const pipeline::LatentCodec& codec() const override { return vae_codec; }
  void check(const pipeline::SampleRequest&) const override {}
  std::vector<pipeline::GuidanceScale> guidanceScales(const pipeline::SampleRequest&) const override {
    return {};
  }
  pipeline::FilmUse useOfFilm(const pipeline::SampleRequest& request) const override {
    return {.starts_from = !request.picturesOf("video").empty()};
  }
  bool liesFrameByFrame() const override { return true; }
  int64_t leadingLatents(const pipeline::SampleRequest&) const override { return leading; }
  int64_t largestTensor(const pipeline::SampleRequest&) const override { return 1; }
  std::unique_ptr<pipeline::Denoiser> denoiser(const pipeline::SampleRequest&, const pipeline::Start&,
                                               const samplers::NoiseSchedule&, const pipeline::OnProgress&,
                                               pipeline::Recorder&) const override {
    return std::make_unique<NoiseOnly>();
  }

  models::CausalVae vae;
  families::CausalVaeCodec vae_codec;
  int64_t leading;
};

/// Frames of a request, handed out one by one: their number, and how many previews there were.
Tensors causalFilm(const Json& config, const Tensors&) {
  const CausalFilms films(config);
  auto request = pipeline::SampleRequest::read(Config::options(config.at("request")));
  request.hands_out_frames = true;
  const int64_t pictures = config.value("video", 0);
  for (int64_t i = 0; i < pictures; ++i) {
    std::vector<uint8_t> grey(3 * request.width * request.height, static_cast<uint8_t>(9 * i));
    request.pictures["video"].push_back({std::move(grey), request.width, request.height});
  }
  double frames = 0, previews = 0;
  const Cancellation cancellation;
  pipeline::sample(
      films, request,
      [&](const pipeline::Progress& progress) {
        if (progress.frame) ++frames;
        if (progress.preview) ++previews;
      },
      cancellation);
  return {{"frames", at::full({1}, frames)}, {"previews", at::full({1}, previews)}};
}

/// What the codec makes of the latents that it makes of a film, and in what portions.
Tensors causalRoundTrip(const Json& config, const Tensors& in) {
  const CausalFilms films(config);
  const bool tiled = config.value("tiled", false);
  const pipeline::EncodedPicture encoded = films.codec().encode(in.at("frames"), tiled);
  std::vector<double> portions;
  films.codec().decode(encoded.latents, {.tiled = tiled}, [&](const at::Tensor& pictures) {
    portions.push_back(static_cast<double>(pictures.size(0)));
  });
  return {{"latents", encoded.latents}, {"portions", at::tensor(portions).to(at::kFloat)}};
}

/// Whether films of two lengths would be decoded by tiles within a budget.
Tensors causalMemory(const Json& config, const Tensors&) {
  CausalFilms films(config);
  const auto request = pipeline::SampleRequest::read(Config::options(config.at("request")));
  films.max_memory = films.bytes() + config.at("maxMemory").get<int64_t>();
  return {{"tiled", at::full({1}, static_cast<double>(pipeline::planMemory(films, request).tiled))}};
}

}  // namespace

const bool kCausalCodecRegistered = addProbe("pipeline.causal_film", causalFilm) &&
                                    addProbe("pipeline.causal_round_trip", causalRoundTrip) &&
                                    addProbe("pipeline.causal_memory", causalMemory);

}  // namespace cameo::test
