#pragma once

#include "families/stable_video_diffusion/stable_video_diffusion.h"
#include "train/films.h"
#include "train/log_normal.h"
#include "train/objective.h"

namespace cameo::train {

/// One step's films.
struct EdmBatch {
  at::Tensor latents;          // (B, F, C, h, w), scaled, fp32
  at::Tensor noise;            // like latents
  at::Tensor sigmas;           // (B), fp32
  at::Tensor picture;          // (B, 1, D): what CLIP says of each first frame, or zeros
  at::Tensor picture_latents;  // (B, C, h, w), unscaled, fp32, or zeros
  at::Tensor time_ids;         // (B, VideoUNetConfig::kTimeIds)
};

/// The error of the clean film out of Stable Video Diffusion's UNet (arXiv 2311.15127, appendix D; EDM, arXiv
/// 2206.00364, table 1): with x = latents + sigma * noise,
///   clean = c_skip x + c_out UNet(c_in x; ln(sigma) / 4), c_skip = 1 / (sigma^2 + 1),
///   c_out = -sigma / sqrt(sigma^2 + 1), c_in = 1 / sqrt(sigma^2 + 1),
/// and the mean of (sigma^2 + 1) / sigma^2 * (clean - latents)^2. The UNet computes in the type of `picture`.
/// The part is `lossVideo`.
Losses computeEdmLosses(const models::VideoUNet& unet, const EdmBatch& batch, bool recompute);

/// A film model learns to make a film of its first frame.
class EdmObjective : public Objective {
 public:
  EdmObjective(const nlohmann::json& recipe, families::StableVideoDiffusion& pipeline);

  std::vector<TrainedNetwork> networks() const override;
  Losses losses(const MicroBatch& samples, const Caption& empty) const override;
  /// The UNet's adapters as a LoRA, or the whole UNet.
  std::vector<Export> exports() const override;

 private:
  struct Draws : FilmDraws {
    at::Tensor noise, sigma, picture, picture_latents, time_ids;
  };
  Draws drawSample(const Sample& sample) const;
  void drawPicture(const Sample& sample, Draws& draws) const;

  const families::StableVideoDiffusion& pipeline_;
  std::vector<std::string> patterns_;
  uint64_t seed_;
  double drop_condition_;
  LogNormal noise_, augmentation_;
  double rate_, motion_bucket_;  // the latter of clips of which nothing is said
  bool recompute_;
};

}  // namespace cameo::train
