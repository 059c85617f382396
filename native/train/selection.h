#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/parameters.h"

namespace cameo::train {

/// The parameters that a recipe trains: those whose names match one of `patterns`. A pattern is "attn1" (the
/// spatial self-attention, which PISA replaces), "motion" (motion modules), "attention" (the
/// matrices of all attentions), "all", or a glob over whole names
/// in which `*` stands for any characters: "up_blocks.*.attn2.*". Throws `ErrorCode::InvalidOption` for a
/// pattern that matches nothing.
std::vector<Parameter*> selectParameters(ParameterSet& parameters, const std::vector<std::string>& patterns);

/// What the optimiser moves: an fp32 tensor that takes gradients, at its place in a network.
struct Leaf {
  std::string name;  // the parameter's, or `adapterNames`, after its network's and a dot
  at::Tensor* place;
};

struct LoraConfig {
  int64_t rank = 8;
  double alpha = 8;  // the adapter is multiplied by alpha / rank
};

/// Of an adapter's two factors, in PEFT's way.
struct AdapterNames {
  std::string down;  // "module.lora_A.weight"
  std::string up;    // "module.lora_B.weight"
};
AdapterNames adapterNames(const Parameter& parameter);

/// Takes gradients from every parameter.
void freeze(ParameterSet& parameters);

/// Makes leaves of `selected`, under their own names.
std::vector<Leaf> makeTrainable(const std::vector<Parameter*>& selected);

/// Gives every matrix and kernel among `selected` a low-rank adapter, which at first adds nothing; the leaves
/// are the adapters' two factors. Throws `ErrorCode::InvalidOption` where there is none.
std::vector<Leaf> addAdapters(const std::vector<Parameter*>& selected, const LoraConfig& config,
                              uint64_t seed);

/// While it lives, the network is what it was before it got adapters.
class WithoutAdapters {
 public:
  explicit WithoutAdapters(ParameterSet& parameters);
  ~WithoutAdapters();
  WithoutAdapters(const WithoutAdapters&) = delete;
  WithoutAdapters& operator=(const WithoutAdapters&) = delete;

 private:
  std::vector<std::pair<Parameter*, LowRank>> taken_;
};

/// The leaves' tensors, in their order.
std::vector<at::Tensor> tensorsOf(const std::vector<Leaf>& leaves);

}  // namespace cameo::train
