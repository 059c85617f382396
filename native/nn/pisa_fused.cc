#include "nn/pisa_fused.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <cmath>
#include <optional>
#include <stdexcept>

#include "core/cuda_library.h"
#include "nn/plain_kernels.h"

namespace cameo::nn {

namespace {

using torch::autograd::AutogradContext, torch::autograd::variable_list;

std::optional<PisaKernels> openPisaKernels() {
  const auto find = [](auto& function, const char* name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(cudaLibraryFunction(name));
  };
  try {
    PisaKernels kernels{};
    find(kernels.forward_workspace, "cameoPisaForwardWorkspace");
    find(kernels.backward_workspace, "cameoPisaBackwardWorkspace");
    find(kernels.forward, "cameoPisaForward");
    find(kernels.backward, "cameoPisaBackward");
    return kernels;
  } catch (const std::runtime_error&) {
    return std::nullopt;  // libtorch's kernels do without
  }
}

/// What the kernels are told; the pointers in it are of tensors of the layout.
class Problem {
 public:
  Problem(const at::Tensor& q, int64_t heads, const FrameLayout& layout)
      : problem_{.batch = small(q.size(0)),
                 .frames = small(layout.frames),
                 .references = small(layout.references),
                 .tokens = small(q.size(2)),
                 .heads = small(heads),
                 .head_size = small(q.size(3) / heads),
                 .is_bfloat16 = q.scalar_type() == at::kBFloat16 ? 1 : 0,
                 .regions = nullptr} {
    if (layout.isUniform()) return;
    problem_.regions = &regions_;
    regions_.bits = static_cast<const uint32_t*>(layout.regions->bits.const_data_ptr());
    regions_.words = small(layout.regions->bits.size(2));
    for (size_t s = 0; s < layout.regions->subjects.size(); ++s) {
      const Listeners& subject = layout.regions->subjects[s];
      for (int64_t r = subject.first; r < subject.first + subject.references; ++r) {
        regions_.references[r] = {static_cast<int32_t>(s), small(subject.first), small(subject.references),
                                  static_cast<float>(std::log2(layout.strengthOf(r)))};
      }
    }
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  const CameoPisaProblem* get() const { return &problem_; }

 private:
  static int32_t small(int64_t value) { return static_cast<int32_t>(value); }

  CameoPisaRegions regions_{};
  CameoPisaProblem problem_;
};

/// Whether the kernels have room for who listens to whom.
bool fitsKernels(const FrameLayout& layout) {
  return layout.isUniform() || layout.references <= CameoPisaRegions::kMostReferences;
}

/// Where numbers lie if the images of a sample follow one another and rows start at multiples of 16 bytes.
std::optional<CameoPisaStrides> stridesOf(const at::Tensor& x) {
  const int64_t sample = x.stride(0), token = x.stride(2);
  const bool fits = x.stride(3) == 1 && x.stride(1) == x.size(2) * token && token % 8 == 0 &&
                    sample % 8 == 0 && reinterpret_cast<uintptr_t>(x.const_data_ptr()) % 16 == 0;
  return fits ? std::optional<CameoPisaStrides>({sample, token}) : std::nullopt;
}

/// Queries, keys and values that share their strides; copies where they don't.
struct Inputs {
  at::Tensor q, k, v;
  CameoPisaStrides strides{};

  Inputs(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values)
      : q(queries), k(keys), v(values) {
    const auto of_q = stridesOf(q), of_k = stridesOf(k), of_v = stridesOf(v);
    const auto same = [&](const std::optional<CameoPisaStrides>& other) {
      return of_q && other && of_q->sample == other->sample && of_q->token == other->token;
    };
    if (!same(of_k) || !same(of_v)) {
      const auto copy = [](at::Tensor& x) { x = x.clone(at::MemoryFormat::Contiguous); };
      copy(q), copy(k), copy(v);
    }
    strides = *stridesOf(q);
  }
};

struct Results {
  at::Tensor out, log_sum_exp, each;  // the last two for the backward pass alone
};

Results runForward(const PisaKernels& kernels, const Inputs& in, int64_t heads, const FrameLayout& layout,
                   bool keeps) {
  const c10::DeviceGuard guard(in.q.device());
  const Problem problem(in.q, heads, layout);
  const int64_t B = in.q.size(0), F = layout.frames, n = in.q.size(2), rows = layout.references * n;
  Results results{at::empty(in.q.sizes(), in.q.options()), {}, {}};
  if (keeps) {
    results.log_sum_exp = at::empty({B, heads, F * n + F * rows}, in.q.options().dtype(at::kFloat));
    results.each = at::empty({B, F, rows, in.q.size(3)}, in.q.options());
  }
  const at::Tensor workspace = cudaWorkspace(kernels.forward_workspace(problem.get()), in.q);
  const CameoPisaForward tensors{in.q.const_data_ptr(),
                                 in.k.const_data_ptr(),
                                 in.v.const_data_ptr(),
                                 in.strides,
                                 results.out.mutable_data_ptr(),
                                 workspace.mutable_data_ptr<float>(),
                                 keeps ? results.log_sum_exp.mutable_data_ptr<float>() : nullptr,
                                 keeps ? results.each.mutable_data_ptr() : nullptr};
  checkCuda(kernels.forward(problem.get(), &tensors, cudaStreamOf(in.q)));
  return results;
}

class FusedFunction : public torch::autograd::Function<FusedFunction> {
 public:
  struct Call : torch::CustomClassHolder {
    const PisaKernels* kernels;
    int64_t heads;
    FrameLayout layout;

    Call(const PisaKernels& of, int64_t head_count, const FrameLayout& frame_layout)
        : kernels(&of), heads(head_count), layout(frame_layout) {}
  };

  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const c10::intrusive_ptr<Call>& call) {
    const Inputs in(q, k, v);
    const Results results = runForward(*call->kernels, in, call->heads, call->layout, true);
    context->save_for_backward({in.q, in.k, in.v, results.out, results.log_sum_exp, results.each});
    context->saved_data["call"] = c10::IValue::make_capsule(call);
    return results.out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto call = c10::static_intrusive_pointer_cast<Call>(context->saved_data["call"].toCapsule());
    const PisaKernels& kernels = *call->kernels;
    const auto saved = context->get_saved_variables();
    const Inputs in(saved[0], saved[1], saved[2]);
    const c10::DeviceGuard guard(in.q.device());
    const Problem problem(in.q, call->heads, call->layout);
    const at::Tensor grad_out = gradients[0].contiguous();
    const at::Tensor dq = at::empty(in.q.sizes(), in.q.options()), dk = at::empty_like(dq),
                     dv = at::empty_like(dq);
    const at::Tensor workspace = cudaWorkspace(kernels.backward_workspace(problem.get()), in.q);
    const CameoPisaBackward tensors{in.q.const_data_ptr(),
                                    in.k.const_data_ptr(),
                                    in.v.const_data_ptr(),
                                    in.strides,
                                    grad_out.const_data_ptr(),
                                    saved[3].const_data_ptr(),
                                    saved[5].const_data_ptr(),
                                    saved[4].const_data_ptr<float>(),
                                    dq.mutable_data_ptr(),
                                    dk.mutable_data_ptr(),
                                    dv.mutable_data_ptr(),
                                    {dq.stride(0), dq.stride(2)},
                                    workspace.mutable_data_ptr<float>()};
    checkCuda(kernels.backward(problem.get(), &tensors, cudaStreamOf(in.q)));
    return {dq, dk, dv, {}};
  }
};

}  // namespace

bool runOnDeviceOf(const at::Tensor& q, int64_t heads, const FrameLayout& layout,
                   const PisaKernels& kernels) {
  const c10::DeviceGuard guard(q.device());
  const Problem problem(q, heads, layout);
  return kernels.forward_workspace(problem.get()) > 0;
}

const PisaKernels* pisaKernelsFor(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  int64_t heads, const FrameLayout& layout) {
  const auto type = q.scalar_type();
  const bool half = type == at::kHalf || type == at::kBFloat16;
  if (PlainKernels::on() || !q.is_cuda() || !half || k.scalar_type() != type || v.scalar_type() != type ||
      layout.references == 0 || q.numel() == 0 || !fitsKernels(layout)) {
    return nullptr;
  }
  static const std::optional<PisaKernels> kernels = openPisaKernels();
  return kernels && runOnDeviceOf(q, heads, layout, *kernels) ? &*kernels : nullptr;
}

at::Tensor pisaFused(const PisaKernels& kernels, const at::Tensor& q, const at::Tensor& k,
                     const at::Tensor& v, int64_t heads, const FrameLayout& layout) {
  if (c10::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad())) {
    return FusedFunction::apply(q, k, v, c10::make_intrusive<FusedFunction::Call>(kernels, heads, layout));
  }
  return runForward(kernels, {q, k, v}, heads, layout, /*keeps=*/false).out;
}

}  // namespace cameo::nn
