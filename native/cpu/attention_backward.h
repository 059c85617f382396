#pragma once

#include <algorithm>
#include <cstdint>
#include <numbers>

#include "cpu/attention_forward.h"
#include "cpu/attention_operands.h"
#include "cpu/vector.h"

#if CAMEO_CPU_KERNELS

namespace cameo::cpu {

/// The sum over d of grad * out, for each row.
template <typename Value>
CAMEO_FOR_EACH_CPU void dotRows(const Head<const Value>& grad, const Head<const Value>& out, int64_t first,
                                int64_t rows, int64_t d, float* dots) {
  for (int64_t row = 0; row < rows; ++row) {
    const Value *a = grad.rows + (first + row) * grad.stride, *b = out.rows + (first + row) * out.stride;
    const int64_t whole = d - d % kLanes;
    Vector totals{};
    for (int64_t j = 0; j < whole; j += kLanes) totals += load(a + j) * load(b + j);
    float total = sum(totals);
    for (int64_t j = whole; j < d; ++j) total += static_cast<float>(a[j]) * static_cast<float>(b[j]);
    dots[row] = total;
  }
}

/// From scores and the gradient of their probabilities, (rows, columns), the probabilities and the scores'
/// own gradient: p = exp(score * scale - lse), p (grad - dot) scale. Both as left operands, the second as a
/// right one, too.
template <typename O>
CAMEO_FOR_EACH_CPU void scoreGradients(const float* scores, const float* grad, int64_t rows, int64_t columns,
                                       float scale, const float* log_sum_exp, const float* dots,
                                       typename O::Number* p, typename O::Number* left,
                                       typename O::Number* right) {
  constexpr int64_t of_part = kScoreRows * kScoreColumns;
  constexpr float log2e = std::numbers::log2e_v<float>;
  for (int64_t row = 0; row < rows; row += O::kPaired) {
    for (int64_t j = 0; j < columns; j += kLanes) {
      Vector of_scores[O::kPaired];
      for (int64_t i = 0; i < O::kPaired; ++i) {
        const int64_t at = (row + i) * kScoreColumns + j;
        Vector exponent = (load(scores + at) * scale - load(log_sum_exp + j)) * log2e;
        // Rows that only fill a tile may have any number here; others one above 0, where the log-sum-exp is
        // of weighted keys.
        exponent = exponent > -kLeastExponent ? Vector{} - kLeastExponent : exponent;
        const Vector e = powerOfTwo<O::kOfHalves>(maximum(Vector{} + kLeastExponent, exponent));
        of_scores[i] = e * (load(grad + at) - load(dots + j)) * scale;
        O::storeLeft(p + at, of_part, e);
        O::storeLeft(left + at, of_part, of_scores[i]);
      }
      O::storeRight(right + row * kScoreColumns + O::kPaired * j, of_part, of_scores);
    }
  }
}

/// All products are of transposed scores (keys, queries): dV = P^T dO, dK = dS^T Q, dQ^T = K^T dS^T. For some
/// queries at a time, over all keys, whose gradients are summed.
template <typename O>
struct Backward {
  using Operands = O;
  using Value = typename O::Value;
  using Number = typename O::Number;
  using Input = Head<const Value>;
  static constexpr int64_t kScores = kScoreRows * kScoreColumns;

  int64_t queries, keys, d;
  float scale;

  struct Inputs {
    Input q, k, v, grad, out;
    const float* log_sum_exp;
  };

  struct Results {
    Head<Value> q, k, v;
  };

  struct Buffers {
    Number *keys, *values, *turned_keys;           // all, for S^T, dP^T and dQ^T
    Number *q, *grad, *q_lines, *grad_lines;       // of some queries: for S^T, dP^T, dK and dV
    Number *p, *grad_scores, *turned_grad_scores;  // of some keys by some queries
    float *scores, *grad_p;                        // likewise
    float *grad_k, *grad_v;                        // (length, width)
    float* grad_q;                                 // (d, kScoreColumns)
    float *lines, *log_sum_exp, *dots, *room;

    Buffers(const Backward& job, Pieces* pieces) {
      const int64_t length = roundedUp(job.keys, O::kStep), width = widthOf(job.d), depth = O::depthOf(job.d);
      keys = pieces->take<Number>(length * depth + kLanes);
      values = pieces->take<Number>(length * depth + kLanes);
      turned_keys = pieces->take<Number>(O::kParts * job.d * length);
      q = pieces->take<Number>(kScoreColumns * depth);
      grad = pieces->take<Number>(kScoreColumns * depth);
      q_lines = pieces->take<Number>(O::kParts * kScoreColumns * width);
      grad_lines = pieces->take<Number>(O::kParts * kScoreColumns * width);
      scores = pieces->take(kScores);
      grad_p = pieces->take(kScores);
      p = O::kInPlace ? reinterpret_cast<Number*>(scores) : pieces->take<Number>(O::kParts * kScores);
      grad_scores =
          O::kInPlace ? reinterpret_cast<Number*>(grad_p) : pieces->take<Number>(O::kParts * kScores);
      turned_grad_scores = O::kInPlace ? grad_scores : pieces->take<Number>(O::kParts * kScores);
      grad_k = pieces->take(length * width);
      grad_v = pieces->take(length * width);
      grad_q = pieces->take(job.d * kScoreColumns);
      lines = pieces->take(kScoreColumns * width);
      log_sum_exp = pieces->take(kScoreColumns);
      dots = pieces->take(kScoreColumns);
      room = pieces->take(kTile * std::max(width, depth) + kLanes);
    }
  };

  void run(const Inputs& in, const Results& results, const Buffers& to) const {
    packKeys(in, to);
    for (int64_t query = 0; query < queries; query += kScoreColumns) {
      const int64_t columns = std::min(kScoreColumns, queries - query);
      packQueries(in, query, columns, to);
      for (int64_t key = 0; key < keys; key += kScoreRows) {
        addKeys(key, roundedUp(columns, O::kStep), /*is_first=*/query == 0, to);
      }
      turn({to.grad_q, kScoreColumns}, d, columns, to.lines, widthOf(d));
      writeLines(to.lines, columns, d, results.q, query);
    }
    writeLines(to.grad_k, keys, d, results.k, 0);
    writeLines(to.grad_v, keys, d, results.v, 0);
  }

 private:
  void packKeys(const Inputs& in, const Buffers& to) const {
    const int64_t length = roundedUp(keys, O::kStep), depth = O::depthOf(d);
    for (int64_t i = 0; i < length; i += kScoreRows) {
      const int64_t rows = std::min(kScoreRows, keys - i), padded = std::min(kScoreRows, length - i);
      readLines(in.k, i, rows, padded, d, to.lines);
      O::packLeft(to.lines, padded, d, to.keys + i * depth);
      O::packLeftOfLength(to.lines, padded, d, to.turned_keys + i, length, to.room);
      readLines(in.v, i, rows, padded, d, to.lines);
      O::packLeft(to.lines, padded, d, to.values + i * depth);
    }
  }

  void packQueries(const Inputs& in, int64_t query, int64_t columns, const Buffers& to) const {
    const int64_t padded = roundedUp(columns, O::kStep);
    const auto pack = [&](const Input& rows, Number* right, Number* right_of_length) {
      readLines(rows, query, columns, padded, d, to.lines);
      O::packRight(to.lines, padded, d, right, padded, to.room);
      O::packRightOfLength(to.lines, padded, d, right_of_length, kScoreColumns * widthOf(d));
    };
    pack(in.q, to.q, to.q_lines);
    pack(in.grad, to.grad, to.grad_lines);
    dotRows(in.grad, in.out, query, columns, d, to.dots);
    std::copy_n(in.log_sum_exp + query, columns, to.log_sum_exp);
    for (float* numbers : {to.dots, to.log_sum_exp}) std::fill_n(numbers + columns, padded - columns, 0.f);
  }

  /// Of the keys from `key` on, and of `columns` queries.
  void addKeys(int64_t key, int64_t columns, bool is_first, const Buffers& to) const {
    const int64_t length = roundedUp(keys, O::kStep), width = widthOf(d), depth = O::depthOf(d);
    const int64_t rows = O::heightOf(std::min(kScoreRows, keys - key));
    O::multiply(rows, columns, d, to.keys + key * depth, to.q, columns, to.scores, kScoreColumns);
    O::multiply(rows, columns, d, to.values + key * depth, to.grad, columns, to.grad_p, kScoreColumns);
    scoreGradients<O>(to.scores, to.grad_p, rows, columns, scale, to.log_sum_exp, to.dots, to.p,
                      to.grad_scores, to.turned_grad_scores);
    const auto add = [&](const Number* left, const Number* right, float* sums) {
      O::multiplyLength(rows, width, columns, {left, kScoreColumns, kScores},
                        {right, width, kScoreColumns * width}, sums + key * width, width, !is_first);
    };
    add(to.p, to.grad_lines, to.grad_v);
    add(to.grad_scores, to.q_lines, to.grad_k);
    O::multiplyLength(d, columns, rows, {to.turned_keys + key, length, d * length},
                      {to.turned_grad_scores, kScoreColumns, kScores}, to.grad_q, kScoreColumns,
                      /*adds=*/key > 0);
  }
};

}  // namespace cameo::cpu

#endif
