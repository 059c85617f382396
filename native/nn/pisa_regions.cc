#include "nn/pisa_regions.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include <cmath>

namespace cameo::nn {

namespace {

/// One sample's queries, keys or values (F+R, n, H*d) as rows of all frames' and all references' positions.
struct SampleRows {
  at::Tensor frames, references;  // (F*n, H*d), (R*n, H*d); views
  int64_t heads, tokens;

  SampleRows(const at::Tensor& x, int64_t head_count, const FrameLayout& layout)
      : frames(x.narrow(0, 0, layout.frames).flatten(0, 1)),
        references(x.narrow(0, layout.frames, layout.references).flatten(0, 1)),
        heads(head_count),
        tokens(x.size(1)) {}

  /// Rows as `count` sequences (count, H, L, d).
  at::Tensor sequences(const at::Tensor& rows, int64_t count = 1) const {
    return splitHeads(rows.unflatten(0, {count, -1}), heads);
  }
  /// (F, H, n, d)
  at::Tensor eachFrame() const { return sequences(frames, frames.size(0) / tokens); }
  /// Of references `first` to `first + count` - 1.
  at::Tensor of(int64_t first, int64_t count) const {
    return references.narrow(0, first * tokens, count * tokens);
  }
};

/// (N, H, L, d) -> (N*L, H*d)
at::Tensor asRows(const at::Tensor& sequences) {
  return mergeHeads(sequences).flatten(0, 1);
}

/// (N, H, L) -> (N*L, H)
at::Tensor lseAsRows(const at::Tensor& lse) {
  return lse.transpose(1, 2).flatten(0, 1);
}

/// (N*L, H) -> (N, H, L)
at::Tensor lseOfSequences(const at::Tensor& rows, int64_t count = 1) {
  return rows.unflatten(0, {count, -1}).transpose(1, 2);
}

/// References, one after another, that the same positions see with the same strength.
struct Sight {
  int64_t first, references;
  double log_strength;
  at::Tensor positions;  // undefined: all
};

std::vector<Sight> sightsOf(const FrameLayout& layout) {
  std::vector<Sight> sights;
  for (const Listeners& subject : layout.regions->subjects) {
    if (!subject.everywhere && subject.batches.empty()) continue;
    double last = 0;
    for (int64_t r = subject.first; r < subject.first + subject.references; ++r) {
      const double strength = layout.strengthOf(r);
      if (r > subject.first && strength == last && strength > 0) {
        ++sights.back().references;
      } else if (strength > 0) {
        sights.push_back({r, 1, std::log(strength), subject.positions});
      }
      last = strength;
    }
  }
  return sights;
}

/// The frames that a subject's references see something of; frames and positions undefined: all.
std::vector<Listeners::Batch> batchesOf(const Listeners& subject) {
  return subject.everywhere ? std::vector<Listeners::Batch>(1) : subject.batches;
}

at::Tensor rowsAt(const at::Tensor& x, const at::Tensor& indices) {
  return indices.defined() ? x.index_select(0, indices) : x;
}

void putRows(at::Tensor to, const at::Tensor& indices, const at::Tensor& rows) {
  if (indices.defined()) {
    to.index_copy_(0, indices, rows);
  } else {
    to.copy_(rows);
  }
}

void addRows(at::Tensor to, const at::Tensor& indices, const at::Tensor& rows) {
  if (indices.defined()) {
    to.index_add_(0, indices, rows);
  } else {
    to.add_(rows);
  }
}

/// What the backward pass needs of a subject's references in every X_i.
struct ReferencesSeen {
  at::Tensor out;          // (F, L, H*d), before the mean
  at::Tensor log_sum_exp;  // (F, H, L)
};

/// Frames' rows over their own keys, then merged with what they see of the references. Gives the log-sum-exps
/// (F*n, H).
at::Tensor attendFromFrames(const SampleRows& q, const SampleRows& k, const SampleRows& v,
                            const FrameLayout& layout, const SampleRows& result) {
  const auto own = attendWithLogSumExp(q.eachFrame(), k.eachFrame(), v.eachFrame());
  putRows(result.frames, {}, asRows(own.out));
  const at::Tensor lse = lseAsRows(own.log_sum_exp).contiguous();
  const auto by_head = [&](const at::Tensor& rows) { return rows.unflatten(-1, {q.heads, -1}); };
  for (const auto& [first, references, log_strength, positions] : sightsOf(layout)) {
    const auto [out, out_lse] =
        attendWithLogSumExp(q.sequences(rowsAt(q.frames, positions)), k.sequences(k.of(first, references)),
                            v.sequences(v.of(first, references)));
    const at::Tensor seen = lseAsRows(out_lse) + log_strength, before = rowsAt(lse, positions);
    const at::Tensor weight = at::sigmoid(seen - before).unsqueeze(-1).to(out.scalar_type());
    const at::Tensor merged =
        at::lerp(by_head(rowsAt(result.frames, positions)), by_head(asRows(out)), weight);
    putRows(result.frames, positions, merged.flatten(1));
    putRows(lse, positions, at::logaddexp(before, seen));
  }
  return lse;
}

/// A subject's references over their own keys, merged with the keys that they see of each frame. The mean
/// over frames goes to `result`.
ReferencesSeen attendFromReferences(const SampleRows& q, const SampleRows& k, const SampleRows& v,
                                    const Listeners& subject, int64_t frames, const SampleRows& result) {
  const auto of = [&](const SampleRows& x) { return x.of(subject.first, subject.references); };
  const at::Tensor queries = q.sequences(of(q));
  const auto same = attendWithLogSumExp(queries, k.sequences(of(k)), v.sequences(of(v)));
  const ReferencesSeen all{mergeHeads(same.out).expand({frames, -1, -1}).clone(),
                           same.log_sum_exp.expand({frames, -1, -1}).clone()};
  for (const auto& [seen, positions] : batchesOf(subject)) {
    const int64_t count = seen.defined() ? seen.size(0) : frames;
    const auto each = attendWithLogSumExp(queries.expand({count, -1, -1, -1}),
                                          k.sequences(rowsAt(k.frames, positions), count),
                                          v.sequences(rowsAt(v.frames, positions), count));
    const at::Tensor weight = at::sigmoid(same.log_sum_exp - each.log_sum_exp).unsqueeze(-1);
    const at::Tensor merged =
        at::lerp(each.out, same.out.expand_as(each.out), weight.to(each.out.scalar_type()));
    putRows(all.out, seen, mergeHeads(merged));
    putRows(all.log_sum_exp, seen, at::logaddexp(each.log_sum_exp, same.log_sum_exp));
  }
  putRows(of(result), {}, all.out.mean(0));
  return all;
}

/// Of one sample, or of the gradients of its queries, keys and values.
struct SampleInputs {
  SampleRows q, k, v;
};

/// Adds what frames' queries give to `d`.
void differentiateFrames(const SampleRows& grad, const SampleRows& out, const at::Tensor& lse,
                         const SampleInputs& in, const FrameLayout& layout, const SampleInputs& d) {
  const auto own = attendBackward(grad.eachFrame(), in.q.eachFrame(), in.k.eachFrame(), in.v.eachFrame(),
                                  out.eachFrame(), lseOfSequences(lse, layout.frames));
  addRows(d.q.frames, {}, asRows(own.q));
  addRows(d.k.frames, {}, asRows(own.k));
  addRows(d.v.frames, {}, asRows(own.v));
  for (const auto& [first, references, log_strength, positions] : sightsOf(layout)) {
    const auto rows = [&](const SampleRows& x) { return x.sequences(rowsAt(x.frames, positions)); };
    const auto of = [&](const SampleRows& x) { return x.of(first, references); };
    // exp(score + log strength - lse) are the probabilities.
    const auto seen =
        attendBackward(rows(grad), rows(in.q), in.k.sequences(of(in.k)), in.v.sequences(of(in.v)), rows(out),
                       lseOfSequences(rowsAt(lse, positions)) - log_strength);
    addRows(d.q.frames, positions, asRows(seen.q));
    addRows(of(d.k), {}, asRows(seen.k));
    addRows(of(d.v), {}, asRows(seen.v));
  }
}

/// Adds what a subject's references' queries give to `d`. As in `backwardSample` of pisa.cc, with fewer keys.
void differentiateReferences(const SampleRows& grad, const ReferencesSeen& all, const Listeners& subject,
                             const SampleInputs& in, int64_t frames, const SampleInputs& d) {
  const auto of = [&](const SampleRows& x) { return x.of(subject.first, subject.references); };
  const auto sequence = [&](const SampleRows& x) { return x.sequences(of(x)); };
  const at::Tensor shared = sequence(grad) / static_cast<double>(frames);  // (1, H, L, d)
  for (const auto& [seen, positions] : batchesOf(subject)) {
    const int64_t count = seen.defined() ? seen.size(0) : frames;
    const auto keys = [&](const SampleRows& x) { return x.sequences(rowsAt(x.frames, positions), count); };
    const auto each = attendBackward(
        shared.expand({count, -1, -1, -1}), sequence(in.q).expand({count, -1, -1, -1}), keys(in.k),
        keys(in.v), splitHeads(rowsAt(all.out, seen), in.q.heads), rowsAt(all.log_sum_exp, seen));
    addRows(of(d.q), {}, asRows(each.q.sum(0, /*keepdim=*/true)));
    addRows(d.k.frames, positions, asRows(each.k));
    addRows(d.v.frames, positions, asRows(each.v));
  }
  const at::Tensor weight = at::softmax(-all.log_sum_exp, 0).unsqueeze(-1);  // (F, H, L, 1)
  const at::Tensor out = splitHeads(all.out, in.q.heads);
  const at::Tensor mean_out = (out * weight.to(out.scalar_type())).sum(0, /*keepdim=*/true);
  const at::Tensor lse = -at::logsumexp(-all.log_sum_exp, 0, /*keepdim=*/true);
  const auto same = attendBackward(shared, sequence(in.q), sequence(in.k), sequence(in.v), mean_out, lse);
  addRows(of(d.q), {}, asRows(same.q));
  addRows(of(d.k), {}, asRows(same.k));
  addRows(of(d.v), {}, asRows(same.v));
}

using torch::autograd::AutogradContext, torch::autograd::variable_list;

class RegionsFunction : public torch::autograd::Function<RegionsFunction> {
 public:
  struct Kept : torch::CustomClassHolder {
    FrameLayout layout;
    int64_t heads = 0;
  };

  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& v, const c10::intrusive_ptr<Kept>& kept) {
    const FrameLayout& layout = kept->layout;
    const at::Tensor out = at::empty_like(q, at::MemoryFormat::Contiguous);
    std::vector<at::Tensor> saved{q, k, v, out};
    for (int64_t b = 0; b < q.size(0); ++b) {
      const auto rows = [&](const at::Tensor& x) { return SampleRows(x[b], kept->heads, layout); };
      const SampleRows query = rows(q), keys = rows(k), values = rows(v), result = rows(out);
      saved.push_back(attendFromFrames(query, keys, values, layout, result));
      for (const Listeners& subject : layout.regions->subjects) {
        const auto all = attendFromReferences(query, keys, values, subject, layout.frames, result);
        saved.insert(saved.end(), {all.out, all.log_sum_exp});
      }
    }
    context->save_for_backward(std::move(saved));
    context->saved_data["kept"] = c10::IValue::make_capsule(kept);
    return out;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto kept = c10::static_intrusive_pointer_cast<Kept>(context->saved_data["kept"].toCapsule());
    const FrameLayout& layout = kept->layout;
    const auto saved = context->get_saved_variables();
    const at::Tensor grad = gradients[0].contiguous(), &q = saved[0], &out = saved[3];
    const auto zeros = [&] { return at::zeros_like(q, at::MemoryFormat::Contiguous); };
    const at::Tensor dq = zeros(), dk = zeros(), dv = zeros();
    auto next = saved.begin() + 4;
    for (int64_t b = 0; b < q.size(0); ++b) {
      const auto rows = [&](const at::Tensor& x) { return SampleRows(x[b], kept->heads, layout); };
      const SampleInputs in{rows(q), rows(saved[1]), rows(saved[2])}, d{rows(dq), rows(dk), rows(dv)};
      differentiateFrames(rows(grad), rows(out), *next++, in, layout, d);
      for (const Listeners& subject : layout.regions->subjects) {
        differentiateReferences(rows(grad), {next[0], next[1]}, subject, in, layout.frames, d);
        next += 2;
      }
    }
    return {dq, dk, dv, {}};
  }
};

}  // namespace

at::Tensor pisaInRegions(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                         const FrameLayout& layout) {
  const auto kept = c10::make_intrusive<RegionsFunction::Kept>();
  kept->layout = layout;
  kept->heads = heads;
  return RegionsFunction::apply(q, k, v, kept);
}

}  // namespace cameo::nn
