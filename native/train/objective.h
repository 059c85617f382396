#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "core/parameters.h"
#include "train/exports.h"
#include "train/samples.h"

namespace cameo::train {

/// What a step minimises, and what it is made of.
struct Losses {
  at::Tensor total;
  std::map<std::string, at::Tensor> parts;  // before their weights, by their names in a run's metrics
  // Other numbers, without gradients, for `update`; in every micro-batch of a run under the same names.
  std::map<std::string, at::Tensor> measured = {};
};

/// Which parameters of a network are trained.
struct TrainedNetwork {
  std::string name;  // which stands before its parameters' names in checkpoints: "unet"
  ParameterSet& parameters;
  std::vector<std::string> patterns;  // see `selectParameters`
};

/// What a run learns: which networks, from which losses, and what becomes of them. One object a run, over the
/// run's networks; the trainer knows no more of a recipe's kind. With several processes each has one, and all
/// of them are told the same.
class Objective {
 public:
  virtual ~Objective() = default;

  virtual std::vector<TrainedNetwork> networks() const = 0;

  /// Of one micro-batch; where gradients are recorded, the total records them. `empty` is the empty
  /// prompt. Throws `ErrorCode::InvalidOption` for samples that do not fit together or to the networks.
  virtual Losses losses(const MicroBatch& samples, const Caption& empty) const = 0;

  /// After a step that moved something: what `losses` measured, the mean over all micro-batches.
  virtual void update(const std::map<std::string, double>& /*measured*/) {}

  /// What a checkpoint has beside weights, averages and the optimiser's state. Resuming copies into these.
  virtual std::vector<NamedTensor> state() const { return {}; }

  virtual std::vector<Export> exports() const = 0;
};

}  // namespace cameo::train
