#include "nn/recompute.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/cancellation.h"
#include "nn/plain_kernels.h"

namespace cameo::nn {

namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

/// Whether this thread is running a block for the second time. What is recomputed within it is kept then: a
/// third time would cost more than the memory that one block takes.
thread_local bool running_again = false;

class RunningAgain {
 public:
  RunningAgain() { running_again = true; }
  ~RunningAgain() { running_again = false; }
  RunningAgain(const RunningAgain&) = delete;
  RunningAgain& operator=(const RunningAgain&) = delete;
};

/// Its variables are the block's inputs, then the parameters.
class RecomputeFunction : public torch::autograd::Function<RecomputeFunction> {
 public:
  /// Kept with the graph's node through a capsule, as saved data holds IValues only.
  struct Saved : torch::CustomClassHolder {
    Block block;
    size_t inputs = 0;
    // Of the thread that ran the block: with a GPU, another one runs it again.
    const Cancellation* cancellation = CancellationScope::active();
    bool plain_kernels = PlainKernels::on();
  };

  static at::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<Saved>& saved,
                            at::TensorList variables) {
    context->saved_data["block"] = c10::IValue::make_capsule(saved);
    context->save_for_backward(variables.vec());
    return saved->block({variables.begin(), variables.begin() + static_cast<int64_t>(saved->inputs)});
  }

  static at::Tensor runAgain(const Saved& saved, const variable_list& inputs) {
    const RunningAgain again;
    const PlainKernels plain(saved.plain_kernels);
    if (saved.cancellation == nullptr) return saved.block(inputs);
    const CancellationScope scope(*saved.cancellation);
    return saved.block(inputs);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = c10::static_intrusive_pointer_cast<Saved>(context->saved_data["block"].toCapsule());
    const variable_list variables = context->get_saved_variables();
    variable_list inputs, wanted;
    std::vector<size_t> places;
    for (size_t i = 0; i < variables.size(); ++i) {
      const bool is_input = i < saved->inputs;
      if (is_input) {
        inputs.push_back(variables[i].defined() ? variables[i].detach() : variables[i]);
        if (context->needs_input_grad(i)) inputs.back().set_requires_grad(true);
      }
      if (!context->needs_input_grad(i)) continue;
      wanted.push_back(is_input ? inputs.back() : variables[i]);
      places.push_back(i + 1);
    }
    variable_list result(variables.size() + 1);
    const c10::AutoGradMode recording(true);
    const at::Tensor out = runAgain(*saved, inputs);
    const variable_list found = torch::autograd::grad({out}, wanted, gradients, /*retain_graph=*/std::nullopt,
                                                      /*create_graph=*/false, /*allow_unused=*/true);
    for (size_t i = 0; i < places.size(); ++i) result[places[i]] = found[i];
    return result;
  }
};

}  // namespace

std::vector<at::Tensor> trainedTensors(const std::vector<const Parameter*>& parameters) {
  std::vector<at::Tensor> tensors;
  for (const Parameter* parameter : parameters) {
    if (parameter->value.requires_grad()) tensors.push_back(parameter->value);
    if (!parameter->adapter) continue;
    tensors.push_back(parameter->adapter->down);
    tensors.push_back(parameter->adapter->up);
  }
  return tensors;
}

std::vector<at::Tensor> ParameterRange::trained() const {
  std::vector<const Parameter*> parameters;
  for (size_t i = first_; i < last_; ++i) parameters.push_back(&set_->all()[i]);
  return trainedTensors(parameters);
}

at::Tensor recompute(const Block& block, const std::vector<at::Tensor>& inputs,
                     const std::vector<at::Tensor>& parameters) {
  if (running_again) return block(inputs);
  auto saved = c10::make_intrusive<RecomputeFunction::Saved>();
  saved->block = block;
  saved->inputs = inputs.size();
  std::vector<at::Tensor> variables = inputs;
  variables.insert(variables.end(), parameters.begin(), parameters.end());
  return RecomputeFunction::apply(saved, at::TensorList(variables));
}

}  // namespace cameo::nn
