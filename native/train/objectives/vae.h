#pragma once

#include <functional>

#include "families/stable_diffusion/stable_diffusion.h"
#include "train/latent_scale.h"
#include "train/objective.h"

namespace cameo::train {

struct VaeLossConfig {
  double detail = 1;  // weight of the loss of finite differences
  double kl = 1e-6;   // weight of the divergence from a unit normal

  /// Of a recipe's `objective`.
  static VaeLossConfig read(const nlohmann::json& objective) {
    return {.detail = objective.at("detail"), .kl = objective.at("kl")};
  }
};

struct VaeBatch {
  at::Tensor images;  // (N, 3, H, W) in -1..1, fp32: pictures, or the frames of films one after another
  at::Tensor noise;   // (n, C, h, w), fp32, of their latents
};

/// The two halves of an autoencoder, of all of a batch, before scaling.
struct VaeHalves {
  std::function<models::Posterior(const at::Tensor& images)> encode;
  std::function<at::Tensor(const at::Tensor& latents)> decode;
};

struct VaeLosses {
  Losses losses;
  at::Tensor latents;  // that were drawn, before scaling, fp32
};

/// Reconstruction through latents drawn from the posterior, z = mean + deviation * noise:
///   total = reconstruction + detail weight * detail + kl weight * kl, where, with e = decode(z) - images,
///   reconstruction = mean |e|,
///   detail = mean of |e's differences between neighbours|, horizontal and vertical, over e at full, half and
///     quarter size,
///   kl = mean over the latents' elements of the divergence of the posterior from a unit normal.
/// The networks compute in `dtype`, the losses in fp32. The parts are `lossReconstruction`, `lossDetail` and
/// `lossKl`.
VaeLosses computeVaeLosses(const VaeHalves& vae, const VaeLossConfig& config, const VaeBatch& batch,
                           at::ScalarType dtype);

VaeHalves halvesOf(const models::Vae& vae);
/// Of a VAE over time, whose batch has films of `frames` frames each.
VaeHalves halvesOf(const models::FilmVae& vae, int64_t frames);

/// The autoencoder learns to give pictures back. Its `scaling_factor` is exported as the one that its latents
/// now want, where these are trained: a decoder can be trained alone, under models that know its latents.
class VaeObjective : public Objective {
 public:
  VaeObjective(const nlohmann::json& recipe, families::StableDiffusion& pipeline);

  std::vector<TrainedNetwork> networks() const override;
  Losses losses(const MicroBatch& samples, const Caption& empty) const override;
  void update(const std::map<std::string, double>& measured) override;
  std::vector<NamedTensor> state() const override;
  std::vector<Export> exports() const override;

 private:
  VaeBatch makeBatch(const MicroBatch& samples) const;

  const families::StableDiffusion& pipeline_;
  std::vector<std::string> patterns_;
  VaeLossConfig config_;
  uint64_t seed_;
  LatentScale latent_scale_;
};

}  // namespace cameo::train
