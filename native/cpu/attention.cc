#include "cpu/attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "cpu/matrix.h"
#include "cpu/vector.h"

namespace cameo::cpu {

namespace {

/// One head of one sample: rows of `d` numbers.
struct Head {
  const float* values;
  int64_t stride;

  Head(const at::Tensor& x, int64_t n, int64_t h)
      : values(x.const_data_ptr<float>() + n * x.stride(0) + h * x.stride(1)), stride(x.stride(2)) {}

  Rows from(int64_t row) const { return {values + row * stride, stride}; }
};

/// As the kernels want it: rows that don't overlap, whose numbers are dense.
at::Tensor dense(const at::Tensor& x) {
  return x.stride(3) == 1 && x.stride(2) >= x.size(3) ? x : x.contiguous();
}

/// (N, H, L, d) like x's, laid out as (N, L, H, d).
at::Tensor emptyLike(const at::Tensor& x) {
  return at::empty({x.size(0), x.size(2), x.size(1), x.size(3)}, x.options()).transpose(1, 2);
}

/// Calls `each(n, h, part, buffers)` for all `parts` of all heads, on all threads, each with buffers of its
/// own for the `job`.
template <typename Job, typename Each>
void forEachHead(const at::Tensor& q, int64_t parts, const Job& job, const Each& each) {
  const int64_t heads = q.size(1);
  at::parallel_for(0, q.size(0) * heads * parts, 1, [&](int64_t begin, int64_t end) {
    typename Job::Buffers buffers(job);
    for (int64_t i = begin; i < end; ++i) each(i / parts / heads, i / parts % heads, i % parts, buffers);
  });
}

#if CAMEO_CPU_KERNELS

constexpr int64_t kQueries = 64;    // rows of scores at a time
constexpr int64_t kKeys = 512;      // and columns: together they stay in a core's cache
constexpr float kNothing = -1e30f;  // a score whose probability is 0

int64_t rounded(int64_t length) {
  return (length + kLanes - 1) / kLanes * kLanes;
}

/// Scores (rows, columns) become exp(score * scale - top), top the largest that a row has had so far. `sums`
/// and what is in `out` (rows, d) from earlier columns are brought to the new top.
CAMEO_FOR_EACH_CPU void softmaxRows(float* scores, int64_t rows, int64_t columns, int64_t stride, float scale,
                                    bool is_first, float* tops, float* sums, float* out, int64_t d) {
  for (int64_t row = 0; row < rows; ++row) {
    float* s = scores + row * stride;
    for (int64_t j = columns; j < rounded(columns); ++j) s[j] = kNothing;
    Vector high = load(s);
    for (int64_t j = kLanes; j < columns; j += kLanes) high = maximum(high, load(s + j));
    const float before = is_first ? kNothing : tops[row];
    const float top = std::max(before, largest(high) * scale);
    Vector total{};
    for (int64_t j = 0; j < columns; j += kLanes) {
      const Vector p = exponentialOfNegative(load(s + j) * scale - top);
      store(s + j, p);
      total += p;
    }
    const float added = sum(total);
    if (is_first) {
      sums[row] = added;
    } else {
      const float shrunk = std::exp(before - top);
      sums[row] = sums[row] * shrunk + added;
      for (int64_t j = 0; j < d; ++j) out[row * d + j] *= shrunk;
    }
    tops[row] = top;
  }
}

CAMEO_FOR_EACH_CPU void finishRows(const float* sums, const float* tops, const float* in, int64_t rows,
                                   int64_t d, float* out, int64_t stride, float* log_sum_exp) {
  for (int64_t row = 0; row < rows; ++row) {
    const float share = 1 / sums[row];
    for (int64_t j = 0; j < d; ++j) out[row * stride + j] = in[row * d + j] * share;
    log_sum_exp[row] = tops[row] + std::log(sums[row]);
  }
}

/// Into how many parts a head's queries are cut, so that a few long heads, as a VAE's, keep all threads busy.
int64_t partsOf(const at::Tensor& q) {
  const int64_t heads = q.size(0) * q.size(1), threads = at::get_num_threads();
  return std::min((threads + heads - 1) / heads, (q.size(2) + kQueries - 1) / kQueries);
}

struct Forward {
  int64_t keys, d;
  float scale;

  struct Buffers {
    Scratch keys, scores, out, tops, sums;

    explicit Buffers(const Forward& sizes)
        : keys(makeScratch(sizes.d * rounded(sizes.keys))),
          scores(makeScratch(kQueries * kKeys)),
          out(makeScratch(kQueries * sizes.d)),
          tops(makeScratch(kQueries)),
          sums(makeScratch(kQueries)) {}
  };

  /// Of the queries `begin` to `end`.
  void run(int64_t begin, int64_t end, const Head& q, const Head& k, const Head& v, float* out,
           int64_t stride, float* log_sum_exp, Buffers& buffers) const {
    const int64_t turned = rounded(keys);
    turn(k.from(0), keys, d, buffers.keys.get(), turned);
    for (int64_t row = begin; row < end; row += kQueries) {
      const int64_t rows = std::min(kQueries, end - row);
      for (int64_t key = 0; key < keys; key += kKeys) {
        const int64_t columns = std::min(kKeys, keys - key);
        multiply(rows, columns, d, q.from(row), {buffers.keys.get() + key, turned}, buffers.scores.get(),
                 kKeys);
        softmaxRows(buffers.scores.get(), rows, columns, kKeys, scale, key == 0, buffers.tops.get(),
                    buffers.sums.get(), buffers.out.get(), d);
        multiply(rows, d, columns, {buffers.scores.get(), kKeys}, v.from(key), buffers.out.get(), d,
                 /*adds=*/key > 0);
      }
      finishRows(buffers.sums.get(), buffers.tops.get(), buffers.out.get(), rows, d, out + row * stride,
                 stride, log_sum_exp + row);
    }
  }
};

/// The sum over d of grad * out, for each row.
CAMEO_FOR_EACH_CPU void dotRows(const float* grad, int64_t grad_stride, const float* out, int64_t out_stride,
                                int64_t rows, int64_t d, float* dots) {
  for (int64_t row = 0; row < rows; ++row) {
    float total = 0;
    for (int64_t j = 0; j < d; ++j) total += grad[row * grad_stride + j] * out[row * out_stride + j];
    dots[row] = total;
  }
}

/// Scores (keys, queries) become probabilities, and `grad`, that of the probabilities, becomes the scores'
/// own: p = exp(score * scale - lse), p (grad - dot) scale.
CAMEO_FOR_EACH_CPU void scoreGradients(float* scores, float* grad, int64_t rows, int64_t columns,
                                       int64_t stride, float scale, const float* log_sum_exp,
                                       const float* dots) {
  for (int64_t row = 0; row < rows; ++row) {
    float *s = scores + row * stride, *g = grad + row * stride;
    for (int64_t j = 0; j < columns; j += kLanes) {
      const Vector p = exponentialOfNegative(load(s + j) * scale - load(log_sum_exp + j));
      store(s + j, p);
      store(g + j, p * (load(g + j) - load(dots + j)) * scale);
    }
  }
}

/// All products are of transposed scores (keys, queries), so that every right-hand side is as it lies or was
/// turned once: dV = P^T dO, dK = dS^T Q, dQ^T = K^T dS^T.
struct Backward {
  int64_t queries, keys, d;
  float scale;

  struct Buffers {
    // (d, length): q, the result's gradient and the keys turned, and the gradient of q.
    Scratch q, grad, keys, grad_q;
    Scratch scores, grad_scores;  // (kQueries, kKeys): some keys by some queries
    Scratch log_sum_exp, dots;    // (queries), rounded up
    Scratch grad_k, grad_v;       // (kQueries, d)

    explicit Buffers(const Backward& sizes)
        : q(makeScratch(sizes.d * rounded(sizes.queries))),
          grad(makeScratch(sizes.d * rounded(sizes.queries))),
          keys(makeScratch(sizes.d * rounded(sizes.keys))),
          grad_q(makeScratch(sizes.d * rounded(sizes.queries))),
          scores(makeScratch(kQueries * kKeys)),
          grad_scores(makeScratch(kQueries * kKeys)),
          log_sum_exp(makeScratch(rounded(sizes.queries))),
          dots(makeScratch(rounded(sizes.queries))),
          grad_k(makeScratch(kQueries * sizes.d)),
          grad_v(makeScratch(kQueries * sizes.d)) {}
  };

  struct Results {
    float *q, *k, *v;
    int64_t q_stride, k_stride, v_stride;
  };

  void run(const Head& q, const Head& k, const Head& v, const Head& grad, const Results& results,
           Buffers& buffers) const {
    const int64_t turned_q = rounded(queries), turned_k = rounded(keys);
    turn(q.from(0), queries, d, buffers.q.get(), turned_q);
    turn(grad.from(0), queries, d, buffers.grad.get(), turned_q);
    turn(k.from(0), keys, d, buffers.keys.get(), turned_k);
    float *scores = buffers.scores.get(), *grad_scores = buffers.grad_scores.get();
    for (int64_t key = 0; key < keys; key += kQueries) {
      const int64_t rows = std::min(kQueries, keys - key);
      for (int64_t query = 0; query < queries; query += kKeys) {
        const int64_t columns = std::min(kKeys, queries - query);
        multiply(rows, columns, d, k.from(key), {buffers.q.get() + query, turned_q}, scores, kKeys);
        multiply(rows, columns, d, v.from(key), {buffers.grad.get() + query, turned_q}, grad_scores, kKeys);
        scoreGradients(scores, grad_scores, rows, columns, kKeys, scale, buffers.log_sum_exp.get() + query,
                       buffers.dots.get() + query);
        multiply(rows, d, columns, {scores, kKeys}, grad.from(query), buffers.grad_v.get(), d, query > 0);
        multiply(rows, d, columns, {grad_scores, kKeys}, q.from(query), buffers.grad_k.get(), d, query > 0);
        multiply(d, columns, rows, {buffers.keys.get() + key, turned_k}, {grad_scores, kKeys},
                 buffers.grad_q.get() + query, turned_q, key > 0);
      }
      for (int64_t row = 0; row < rows; ++row) {
        std::copy_n(buffers.grad_k.get() + row * d, d, results.k + (key + row) * results.k_stride);
        std::copy_n(buffers.grad_v.get() + row * d, d, results.v + (key + row) * results.v_stride);
      }
    }
    turn({buffers.grad_q.get(), turned_q}, d, queries, results.q, results.q_stride);
  }
};

#endif

}  // namespace

bool attentionTakes(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
#if CAMEO_CPU_KERNELS
  const auto fits = [](const at::Tensor& x) {
    return x.is_cpu() && x.scalar_type() == at::kFloat && x.dim() == 4 && x.numel() > 0;
  };
  return fits(q) && fits(k) && fits(v) && hasMatrixKernel();
#else
  return false;
#endif
}

Attended attention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) {
  const at::Tensor q = dense(queries), k = dense(keys), v = dense(values);
  const Attended result{emptyLike(q), at::empty({q.size(0), q.size(1), q.size(2)}, q.options())};
#if CAMEO_CPU_KERNELS
  const int64_t d = q.size(3), length = q.size(2), parts = partsOf(q);
  const int64_t blocks = (length + kQueries - 1) / kQueries;
  const Forward job{k.size(2), d, 1 / std::sqrt(static_cast<float>(d))};
  float *out = result.out.mutable_data_ptr<float>(), *lse = result.log_sum_exp.mutable_data_ptr<float>();
  forEachHead(q, parts, job, [&](int64_t n, int64_t h, int64_t part, Forward::Buffers& buffers) {
    const int64_t begin = part * blocks / parts * kQueries;
    const int64_t end = std::min(length, (part + 1) * blocks / parts * kQueries);
    job.run(begin, end, Head(q, n, h), Head(k, n, h), Head(v, n, h), out + n * result.out.stride(0) + h * d,
            result.out.stride(2), lse + (n * q.size(1) + h) * length, buffers);
  });
#endif
  return result;
}

AttentionGradients attentionBackward(const at::Tensor& grad_out, const at::Tensor& queries,
                                     const at::Tensor& keys, const at::Tensor& values, const at::Tensor& out,
                                     const at::Tensor& log_sum_exp) {
  const at::Tensor q = dense(queries), k = dense(keys), v = dense(values), grad = dense(grad_out),
                   o = dense(out);
  const at::Tensor lse = log_sum_exp.contiguous();
  const AttentionGradients result{emptyLike(q), emptyLike(k), emptyLike(v)};
#if CAMEO_CPU_KERNELS
  const int64_t d = q.size(3), length = q.size(2);
  const Backward job{length, k.size(2), d, 1 / std::sqrt(static_cast<float>(d))};
  const auto place = [&](const at::Tensor& x, int64_t n, int64_t h) {
    return x.mutable_data_ptr<float>() + n * x.stride(0) + h * x.stride(1);
  };
  forEachHead(q, 1, job, [&](int64_t n, int64_t h, int64_t, Backward::Buffers& buffers) {
    const Head grad_head(grad, n, h), out_head(o, n, h);
    std::copy_n(lse.const_data_ptr<float>() + (n * q.size(1) + h) * length, length,
                buffers.log_sum_exp.get());
    dotRows(grad_head.values, grad_head.stride, out_head.values, out_head.stride, length, d,
            buffers.dots.get());
    job.run(Head(q, n, h), Head(k, n, h), Head(v, n, h), grad_head,
            {place(result.q, n, h), place(result.k, n, h), place(result.v, n, h), result.q.stride(2),
             result.k.stride(2), result.v.stride(2)},
            buffers);
  });
#endif
  return result;
}

}  // namespace cameo::cpu
