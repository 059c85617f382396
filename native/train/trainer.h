#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/memory_pool.h"
#include "parallel/gradient_reducer.h"
#include "parallel/solo_turn.h"
#include "pipeline/pipeline.h"
#include "train/ema.h"
#include "train/objective.h"
#include "train/options.h"

namespace cameo::train {

/// Losses and the like are means over the step's micro-batches and over all processes.
struct StepResult {
  int64_t step = 0;  // how many steps were done, this one included
  double loss = 0;
  std::map<std::string, double> loss_parts;  // as `Losses::parts`
  std::map<std::string, double> measured;    // as `Losses::measured`
  double gradient_norm = 0;                  // before clipping
  double learning_rate = 0;
  bool skipped = false;  // the gradient was not finite and nothing was moved
  bool stop = false;     // one of the processes was asked to stop
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

  /// Writes one of the objective's exports as safetensors of `dtype`, with the averages in place of what they
  /// are averages of; its `config`. Throws `ErrorCode::InvalidOption` for a part that there is not, and where
  /// `dtype` can't hold a value.
  nlohmann::json exportWeights(const std::string& path, const std::string& part, at::ScalarType dtype);

  const pipeline::Pipeline& pipeline() const { return *pipeline_; }
  int64_t trainedParameters() const;
  /// Of weights, averages and the optimiser's state, wherever they are.
  int64_t bytes() const;

 private:
  void chooseLeaves();
  Losses backward(const StepInput& input, size_t index);
  StepResult gather(StepResult result, const StepInput& input);
  void shareUpdates();
  void requireSameStep();
  std::vector<NamedTensor> state();
  void gatherState(std::vector<NamedTensor>& tensors);
  bool writesFiles() const { return !group_ || group_->rank() == 0; }

  TrainerOptions options_;
  MemoryPool pool_;  // of all steps: what one has used the next one needs again
  std::unique_ptr<pipeline::Pipeline> pipeline_;
  std::unique_ptr<Objective> objective_;
  std::unique_ptr<parallel::ProcessGroup> group_;  // null: this process trains alone
  std::vector<Leaf> leaves_;
  std::vector<int64_t> owners_;  // the rank that has a leaf's optimiser state; empty: every rank
  std::unique_ptr<AdamW> optimizer_;
  std::unique_ptr<Ema> ema_;  // on rank 0, where averages are kept
  std::unique_ptr<parallel::GradientReducer> reducer_;
  std::unique_ptr<parallel::SoloTurn> turn_;  // while rank 0 works alone
  int64_t steps_ = 0;
  bool is_under_way_ = false;  // a step was begun since the networks were loaded
};

inline c10::Device deviceOf(const Trainer& trainer) {
  return trainer.pipeline().device;
}

}  // namespace cameo::train
