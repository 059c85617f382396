#include "nn/pisa.h"

#include <ATen/ATen.h>

namespace cameo::nn {

namespace {

/// Weight of `b` in the union of two sets of keys, (N, L, H, 1), for tensors laid out as `attend` leaves
/// them.
at::Tensor weightOfSecond(const at::Tensor& lse_a, const at::Tensor& lse_b, at::ScalarType dtype) {
  return at::sigmoid(lse_b - lse_a).transpose(1, 2).unsqueeze(-1).to(dtype);
}

/// (R, n, H*d), contiguous -> (1, H, R*n, d): the references as one sequence.
at::Tensor asOneSequence(const at::Tensor& x, int64_t heads) {
  return splitHeads(x.flatten(0, 1).unsqueeze(0), heads);
}

/// One sample: q, k, v (F+R, n, H*d), result into `out` (F+R, n, H*d).
void mergeSample(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                 const FrameLayout& layout, const at::Tensor& out) {
  const int64_t F = layout.frames, R = layout.references, n = q.size(1);
  const auto frames = [&](const at::Tensor& x) { return x.narrow(0, 0, F); };
  const auto references = [&](const at::Tensor& x) { return x.narrow(0, F, R); };
  const at::Tensor k_z = splitHeads(frames(k), heads), v_z = splitHeads(frames(v), heads);  // (F, H, n, d)
  const at::Tensor q_r = asOneSequence(references(q), heads);                               // (1, H, R*n, d)
  const at::Tensor k_r = asOneSequence(references(k), heads), v_r = asOneSequence(references(v), heads);
  const auto out_heads = [&](const at::Tensor& x) { return x.unflatten(-1, {heads, -1}); };

  {
    // Frame queries over [k_z; k_r]. Against k_r all frames' queries are one sequence.
    const auto own = attendWithLogSumExp(splitHeads(frames(q), heads), k_z, v_z);
    const auto other = attendWithLogSumExp(asOneSequence(frames(q), heads), k_r, v_r);       // (1, H, F*n, d)
    const at::Tensor other_out = other.out.transpose(1, 2).squeeze(0).unflatten(0, {F, n});  // (F, n, H, d)
    const at::Tensor other_lse =
        other.log_sum_exp.squeeze(0).unflatten(1, {F, n}).transpose(0, 1);  // (F, H, n)
    at::Tensor target = out_heads(frames(out));
    at::lerp_out(target, own.out.transpose(1, 2), other_out,
                 weightOfSecond(own.log_sum_exp, other_lse, q.scalar_type()));
  }
  // Reference queries over [k_z^i; k_r] for every i, then the mean over i.
  const auto same = attendWithLogSumExp(q_r, k_r, v_r);                          // (1, H, R*n, d)
  const auto each = attendWithLogSumExp(q_r.expand({F, -1, -1, -1}), k_z, v_z);  // (F, H, R*n, d)
  const at::Tensor merged =
      at::lerp(each.out.transpose(1, 2), same.out.transpose(1, 2).expand_as(each.out.transpose(1, 2)),
               weightOfSecond(each.log_sum_exp, same.log_sum_exp, q.scalar_type()));  // (F, R*n, H, d)
  out_heads(references(out)).copy_(merged.mean(0).unflatten(0, {R, n}));
}

}  // namespace

at::Tensor pisaMerged(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                      const FrameLayout& layout) {
  at::Tensor out = at::empty_like(q);
  for (int64_t b = 0; b < q.size(0); ++b) mergeSample(q[b], k[b], v[b], heads, layout, out[b]);
  return out;
}

at::Tensor pisaConcatenated(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, int64_t heads,
                            const FrameLayout& layout) {
  const int64_t F = layout.frames, R = layout.references, n = q.size(2);
  const auto sequences = [&](const at::Tensor& x) {
    const at::Tensor references = x.narrow(1, F, R).flatten(1, 2).unsqueeze(1).expand({-1, F, -1, -1});
    return splitHeads(at::cat({x.narrow(1, 0, F), references}, 2), heads);  // (B, F, H, n + R*n, d)
  };
  const at::Tensor attended =
      mergeHeads(attend(sequences(q).flatten(0, 1), sequences(k).flatten(0, 1), sequences(v).flatten(0, 1)))
          .unflatten(0, {-1, F});  // (B, F, n + R*n, H*d)
  const at::Tensor references = attended.narrow(2, n, R * n).mean(1).unflatten(1, {R, n});
  return at::cat({attended.narrow(2, 0, n), references}, 1);
}

}  // namespace cameo::nn
