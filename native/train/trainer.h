#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/memory_pool.h"
#include "parallel/gradient_reducer.h"
#include "parallel/solo_turn.h"
#include "train/batch.h"
#include "train/ema.h"
#include "train/latent_scale.h"

namespace cameo::train {

/// Losses and the like are means over the step's micro-batches and over all processes.
struct StepResult {
  int64_t step = 0;  // how many steps were done, this one included
  double loss = 0;
  std::map<std::string, double> loss_parts;  // as `Losses::parts`
  double latent_square = 0;                  // mean square of the latents, where a VAE's are trained
  double gradient_norm = 0;                  // before clipping
  double learning_rate = 0;
  bool skipped = false;  // the gradient was not finite and nothing was moved
  bool stop = false;     // one of the processes was asked to stop
};

/// Which tensors a file is to have.
enum class ExportedPart {
  Subject,      // a subject's file: adapters alone in PEFT's names, or whole parameters in diffusers'
  Motion,       // all motion modules, as a MotionAdapter has them
  UNet,         // the UNet without motion modules
  TextEncoder,  // in transformers' names
  Vae,          // in diffusers' names
};

/// A training run's networks, optimiser and averages. Not thread-safe: one task at a time. With several
/// processes every method is collective, and rank 0 alone writes files.
class Trainer {
 public:
  /// Loads the networks, joins the other processes and prepares what is trained. Throws as `loadPipeline`,
  /// `selectParameters` and `parallel::ProcessGroup::join`.
  Trainer(const TrainerOptions& options, const pipeline::OnProgress& onProgress,
          const Cancellation& cancellation);

  /// One step of the optimiser over this process's samples. Throws `ErrorCode::Aborted`
  /// within a layer; the step then has not happened.
  StepResult step(const StepInput& input);

  /// Around what rank 0 does alone; the others wait in `endSolo`. See parallel::SoloTurn.
  void beginSolo();
  void endSolo();
  /// Ends what goes on beside the calls of this class, for a process that ends without destroying it.
  void leave() { turn_.reset(); }

  /// Writes all that resuming needs, and `metadata` beside it: whole or not at all.
  void save(const std::string& path, std::map<std::string, std::string> metadata);
  /// Goes back to where `save` was called. Throws `ErrorCode::Checkpoint` for a file of another run.
  void resume(const std::string& path);

  /// A video by what was trained so far: by its averages, where they are kept.
  pipeline::Frames sample(const pipeline::SampleRequest& request, const pipeline::OnProgress& onProgress,
                          const Cancellation& cancellation);

  /// Writes weights as safetensors of `dtype`, with the averages in place of what they are averages of.
  /// Throws `ErrorCode::InvalidOption` where `dtype` can't hold a value.
  void exportWeights(const std::string& path, ExportedPart part, at::ScalarType dtype);

  const pipeline::Pipeline& pipeline() const { return *pipeline_; }
  int64_t trainedParameters() const;
  /// Of weights, averages and the optimiser's state, wherever they are.
  int64_t bytes() const;
  /// The VAE's `scaling_factor`: where the VAE is trained, the one that its latents now want.
  double scalingFactor() const;

 private:
  using NamedTensor = std::pair<std::string, at::Tensor>;

  void chooseLeaves();
  Losses lossesOf(const StepInput& input, size_t index);
  Losses backward(const StepInput& input, size_t index);
  StepResult gather(StepResult result, const StepInput& input);
  void shareUpdates();
  void requireSameStep();
  std::vector<NamedTensor> state();
  void gatherState(std::vector<NamedTensor>& tensors);
  NamedTensor latentScale() const;
  std::vector<NamedTensor> exported(ExportedPart part);
  void addFactors(std::vector<NamedTensor>& tensors) const;
  void chooseWritten();
  bool writesFiles() const { return !group_ || group_->rank() == 0; }

  TrainerOptions options_;
  MemoryPool pool_;  // of all steps: what one has used the next one needs again
  std::unique_ptr<pipeline::Pipeline> pipeline_;
  schedulers::NoiseSchedule schedule_;
  std::unique_ptr<parallel::ProcessGroup> group_;  // null: this process trains alone
  std::vector<Leaf> leaves_;
  bool trains_text_ = false;
  std::set<std::string> written_;  // the UNet's parameters that a subject's file of this run has
  std::vector<int64_t> owners_;    // the rank that has a leaf's optimiser state; empty: every rank
  std::unique_ptr<AdamW> optimizer_;
  std::unique_ptr<Ema> ema_;  // on rank 0, where averages are kept
  std::unique_ptr<parallel::GradientReducer> reducer_;
  std::unique_ptr<parallel::SoloTurn> turn_;  // while rank 0 works alone
  bool trains_latents_ = false;  // a VAE's decoder can be trained alone, under models that know its latents
  LatentScale latent_scale_;     // of a VAE whose latents are trained
  int64_t steps_ = 0;
  bool is_under_way_ = false;  // a step was begun since the networks were loaded
};

inline c10::Device deviceOf(const Trainer& trainer) {
  return trainer.pipeline().device;
}

}  // namespace cameo::train
