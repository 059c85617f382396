#pragma once

#include "families/wan/wan.h"
#include "train/latent_scale.h"
#include "train/objectives/vae.h"

namespace cameo::train {

/// The autoencoder over time of a Wan model learns to give films back, by `computeVaeLosses`. Its
/// `latents_mean` and `latents_std` are exported as its latents now are, where these are trained.
class FilmVaeObjective : public Objective {
 public:
  /// Throws `ErrorCode::InvalidOption` for films that are no whole latents.
  FilmVaeObjective(const nlohmann::json& recipe, families::Wan& pipeline);

  std::vector<TrainedNetwork> networks() const override;
  Losses losses(const MicroBatch& samples, const Caption& empty) const override;
  void update(const std::map<std::string, double>& measured) override;
  std::vector<NamedTensor> state() const override;
  std::vector<Export> exports() const override;

 private:
  VaeBatch makeBatch(const MicroBatch& samples) const;

  const families::Wan& pipeline_;
  std::vector<std::string> patterns_;
  VaeLossConfig config_;
  uint64_t seed_;
  int64_t frames_;
  ChannelMoments moments_;
};

}  // namespace cameo::train
