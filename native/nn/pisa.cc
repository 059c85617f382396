#include "nn/pisa.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nn/pisa_fused.h"
#include "nn/pisa_regions.h"

namespace cameo::nn {

namespace {

/// Heads' views of one sample's queries, keys or values (F+R, n, H*d).
struct Parts {
  at::Tensor frames;      // (F, H, n, d)
  at::Tensor sequence;    // (1, H, F*n, d): all frames as one sequence
  at::Tensor references;  // (1, H, R*n, d): all references as one sequence

  Parts(const at::Tensor& x, int64_t heads, const FrameLayout& layout)
      : frames(splitHeads(x.narrow(0, 0, layout.frames), heads)),
        sequence(asSequence(x.narrow(0, 0, layout.frames), heads)),
        references(asSequence(x.narrow(0, layout.frames, layout.references), heads)) {}

  static at::Tensor asSequence(const at::Tensor& x, int64_t heads) {
    return splitHeads(x.flatten(0, 1).unsqueeze(0), heads);
  }
};

/// What the backward pass needs of one sample besides q, k, v and the result.
struct Merged {
  at::Tensor frames_lse;      // (F, H, n), over [k_z; k_r]
  at::Tensor references_out;  // (F, H, R*n, d): each X_i's result for the references, before the mean
  at::Tensor references_lse;  // (F, H, R*n)
};

/// The softmax over two sets of keys from those over each: out = a + sigmoid(lse_b - lse_a) (b - a), all
/// (N, H, L, d).
void merge(const AttentionWithLogSumExp& a, const AttentionWithLogSumExp& b, at::Tensor out) {
  const at::Tensor weight = at::sigmoid(b.log_sum_exp - a.log_sum_exp).unsqueeze(-1);
  at::lerp_out(out, a.out, b.out, weight.to(a.out.scalar_type()));
}

/// (1, H, F*n, ...) -> (F, H, n, ...)
at::Tensor perFrame(const at::Tensor& sequence, int64_t frames) {
  return sequence.squeeze(0).unflatten(1, {frames, -1}).transpose(0, 1);
}

/// (F, H, n, ...) -> (1, H, F*n, ...)
at::Tensor asOneSequence(const at::Tensor& frames) {
  return frames.transpose(0, 1).flatten(1, 2).unsqueeze(0);
}

/// One sample, q, k, v (F+R, n, H*d); writes its result to `out`, (F+R, n, H*d).
Merged mergeSample(const Parts& q, const Parts& k, const Parts& v, const FrameLayout& layout,
                   const at::Tensor& out) {
  const int64_t F = layout.frames, R = layout.references, heads = q.frames.size(1);
  // Frame queries over [k_z; k_r]. Against k_r the queries of all frames are one sequence.
  const auto own = attendWithLogSumExp(q.frames, k.frames, v.frames);
  AttentionWithLogSumExp other = attendWithLogSumExp(q.sequence, k.references, v.references);
  other = {perFrame(other.out, F), perFrame(other.log_sum_exp, F)};
  merge(own, other, splitHeads(out.narrow(0, 0, F), heads));

  // Reference queries over [k_z^i; k_r] for every i, then the mean over i.
  const auto same = attendWithLogSumExp(q.references, k.references, v.references);
  auto each = attendWithLogSumExp(q.references.expand({F, -1, -1, -1}), k.frames, v.frames);
  const at::Tensor references_lse = at::logaddexp(each.log_sum_exp, same.log_sum_exp);
  merge(each, {same.out.expand_as(each.out), same.log_sum_exp}, each.out);
  out.narrow(0, F, R).copy_(mergeHeads(each.out.mean(0)).unflatten(0, {R, -1}));
  return {at::logaddexp(own.log_sum_exp, other.log_sum_exp), each.out, references_lse};
}

/// Adds one block's gradients to those of its tensors.
void accumulate(const AttentionGradients& gradients, const at::Tensor& q, const at::Tensor& k,
                const at::Tensor& v) {
  q.add_(gradients.q);
  k.add_(gradients.k);
  v.add_(gradients.v);
}

/// One sample's gradients, added to (zero) dq, dk, dv, from that of its result, all (F+R, n, H*d).
void backwardSample(const at::Tensor& grad_out, const at::Tensor& out, const Parts& q, const Parts& k,
                    const Parts& v, const Merged& merged, const FrameLayout& layout, const Parts& dq,
                    const Parts& dk, const Parts& dv) {
  const int64_t F = layout.frames, heads = q.frames.size(1);
  const Parts grad(grad_out, heads, layout), result(out, heads, layout);
  accumulate(attendBackward(grad.frames, q.frames, k.frames, v.frames, result.frames, merged.frames_lse),
             dq.frames, dk.frames, dv.frames);
  accumulate(attendBackward(grad.sequence, q.sequence, k.references, v.references, result.sequence,
                            asOneSequence(merged.frames_lse)),
             dq.sequence, dk.references, dv.references);

  // The mean over frames divides the references' gradient by F.
  const at::Tensor shared = grad.references / static_cast<double>(F);  // (1, H, R*n, d)
  AttentionGradients each =
      attendBackward(shared.expand({F, -1, -1, -1}), q.references.expand({F, -1, -1, -1}), k.frames, v.frames,
                     merged.references_out, merged.references_lse);
  each.q = each.q.sum(0, /*keepdim=*/true);
  accumulate(each, dq.references, dk.frames, dv.frames);

  // Over k_r all X_i share q, k, v and the incoming gradient; summed over i, their probabilities
  // exp(s - lse_i) are exp(s - lse) with lse = -log sum exp(-lse_i), and their results' part is the mean of
  // the results weighted by exp(-lse_i): one block for all of them.
  const at::Tensor weight = at::softmax(-merged.references_lse, 0).unsqueeze(-1);  // (F, H, R*n, 1)
  const at::Tensor mean_out = (merged.references_out * weight.to(out.scalar_type())).sum(0, /*keepdim=*/true);
  const at::Tensor lse = -at::logsumexp(-merged.references_lse, 0, /*keepdim=*/true);
  accumulate(attendBackward(shared, q.references, k.references, v.references, mean_out, lse), dq.references,
             dk.references, dv.references);
}

class PisaFunction : public torch::autograd::Function<PisaFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& q,
                            const at::Tensor& k, const at::Tensor& v, int64_t heads, int64_t frames,
                            int64_t references) {
    const FrameLayout layout{.frames = frames, .references = references};
    at::Tensor out = at::empty_like(q);
    std::vector<at::Tensor> saved;
    for (int64_t b = 0; b < q.size(0); ++b) {
      const Merged merged =
          mergeSample({q[b], heads, layout}, {k[b], heads, layout}, {v[b], heads, layout}, layout, out[b]);
      saved.insert(saved.end(), {merged.frames_lse, merged.references_out, merged.references_lse});
    }
    saved.insert(saved.end(), {q, k, v, out});
    context->save_for_backward(std::move(saved));
    context->saved_data["layout"] = std::vector<int64_t>{heads, frames, references};
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto layout_values = context->saved_data["layout"].toIntVector();
    const int64_t heads = layout_values[0];
    const FrameLayout layout{.frames = layout_values[1], .references = layout_values[2]};
    const auto saved = context->get_saved_variables();
    const at::Tensor *q = &saved[saved.size() - 4], *k = q + 1, *v = q + 2, *out = q + 3;
    const at::Tensor grad_out = gradients[0].contiguous();
    const at::Tensor dq = at::zeros_like(*q), dk = at::zeros_like(*k), dv = at::zeros_like(*v);
    const auto parts = [&](const at::Tensor& x, int64_t b) { return Parts(x[b], heads, layout); };
    for (int64_t b = 0; b < q->size(0); ++b) {
      backwardSample(grad_out[b], (*out)[b], parts(*q, b), parts(*k, b), parts(*v, b),
                     {saved[3 * b], saved[3 * b + 1], saved[3 * b + 2]}, layout, parts(dq, b), parts(dk, b),
                     parts(dv, b));
    }
    return {dq, dk, dv, {}, {}, {}};
  }
};

}  // namespace

bool FrameLayout::isUniform() const {
  return (!regions || regions->isTrivial()) &&
         std::ranges::all_of(strengths, [](double strength) { return strength == 1; });
}

at::Tensor pisaMerged(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                      const FrameLayout& layout) {
  if (const PisaKernels* kernels = pisaKernelsFor(q, k, v, heads, layout)) {
    return pisaFused(*kernels, q, k, v, heads, layout);
  }
  if (!layout.isUniform()) return pisaInRegions(q, k, v, heads, layout);
  return PisaFunction::apply(q, k, v, heads, layout.frames, layout.references);
}

at::Tensor pisaBias(const FrameLayout& layout) {
  if (layout.isUniform()) return {};
  constexpr double hidden = -std::numeric_limits<double>::infinity();
  const int64_t F = layout.frames, n = layout.regions->listens.size(2), length = (1 + layout.references) * n;
  const at::Tensor bias =
      at::full({F, length, length}, hidden, layout.regions->listens.options().dtype(at::kFloat));
  bias.narrow(1, 0, n).narrow(2, 0, n).zero_();
  for (size_t s = 0; s < layout.regions->subjects.size(); ++s) {
    const Listeners& subject = layout.regions->subjects[s];
    const int64_t first = (1 + subject.first) * n, count = subject.references * n;
    const at::Tensor listens = layout.regions->listens[static_cast<int64_t>(s)];  // (F, n)
    bias.narrow(1, first, count).narrow(2, first, count).zero_();
    bias.narrow(1, first, count).narrow(2, 0, n).masked_fill_(listens.unsqueeze(1), 0);
    for (int64_t r = subject.first; r < subject.first + subject.references; ++r) {
      bias.narrow(1, 0, n)
          .narrow(2, (1 + r) * n, n)
          .masked_fill_(listens.unsqueeze(2), std::log(layout.strengthOf(r)));
    }
  }
  return bias;
}

at::Tensor pisaConcatenated(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                            const FrameLayout& layout) {
  return pisaBiased(q, k, v, heads, layout, pisaBias(layout));
}

at::Tensor pisaBiased(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                      const FrameLayout& layout, const at::Tensor& bias) {
  const int64_t B = q.size(0), F = layout.frames, R = layout.references, n = q.size(2);
  const auto sequences = [&](const at::Tensor& x) {
    const at::Tensor references = x.narrow(1, F, R).flatten(1, 2).unsqueeze(1).expand({-1, F, -1, -1});
    return splitHeads(at::cat({x.narrow(1, 0, F), references}, 2), heads).flatten(0, 1);
  };
  const at::Tensor qs = sequences(q), ks = sequences(k), vs = sequences(v);  // (B*F, H, n + R*n, d)
  const auto of_samples = [&] {
    return bias.to(q.scalar_type()).unsqueeze(0).expand({B, -1, -1, -1}).flatten(0, 1).unsqueeze(1);
  };
  const at::Tensor mixed =
      bias.defined() ? at::scaled_dot_product_attention(qs, ks, vs, of_samples()) : attend(qs, ks, vs);
  const at::Tensor attended = mergeHeads(mixed).unflatten(0, {-1, F});  // (B, F, n + R*n, H*d)
  const at::Tensor references = attended.narrow(2, n, R * n).mean(1).unflatten(1, {R, n});
  return at::cat({attended.narrow(2, 0, n), references}, 1);
}

}  // namespace cameo::nn
