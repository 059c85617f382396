#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "cpu/attention_operands.h"
#include "cpu/vector.h"

#if CAMEO_CPU_KERNELS

namespace cameo::cpu {

constexpr int64_t kScoreRows = 64;      // of scores at a time
constexpr int64_t kScoreColumns = 512;  // together they stay in a core's cache

/// Of a probability: what is left of it for its second part in bf16 has fp32's full precision, too, as
/// numbers that haven't cost much time.
constexpr int kLeastExponent = -60;

/// Scores (rows, columns) become exp(score * scale - top), top the largest that a row has had so far, as the
/// left operand `p`. `sums` and what is in `out` (rows, width) from earlier columns are brought to the new
/// top.
template <typename Operands>
CAMEO_FOR_EACH_CPU void softmaxRows(float* scores, int64_t rows, int64_t columns, float scale, bool is_first,
                                    typename Operands::Number* p, float* tops, float* sums, float* out,
                                    int64_t width) {
  constexpr float nothing = -1e30f;  // a score whose probability is 0
  const int64_t padded = roundedUp(columns, Operands::kStep);
  for (int64_t row = 0; row < rows; ++row) {
    float* s = scores + row * kScoreColumns;
    for (int64_t j = columns - columns % kLanes; j < padded; j += kLanes) {
      store(s + j, keepFirst(load(s + j), columns - j, nothing));
    }
    Vector high = load(s);
    for (int64_t j = kLanes; j < padded; j += kLanes) high = maximum(high, load(s + j));
    const float before = is_first ? nothing : tops[row];
    const float top = std::max(before, largest(high) * scale);
    Vector total{};
    for (int64_t j = 0; j < padded; j += kLanes) {
      const Vector e = exponentialOfNegative<kLeastExponent>(load(s + j) * scale - top);
      Operands::storeLeft(p + row * kScoreColumns + j, kScoreRows * kScoreColumns, e);
      total += e;
    }
    const float added = sum(total);
    if (is_first) {
      sums[row] = added;
    } else {
      const float shrunk = std::exp(before - top);
      sums[row] = sums[row] * shrunk + added;
      for (int64_t j = 0; j < width; ++j) out[row * width + j] *= shrunk;
    }
    tops[row] = top;
  }
}

CAMEO_FOR_EACH_CPU inline void finishRows(const float* sums, const float* tops, int64_t rows, int64_t width,
                                          float* out, float* log_sum_exp) {
  for (int64_t row = 0; row < rows; ++row) {
    const float share = 1 / sums[row];
    for (int64_t j = 0; j < width; ++j) out[row * width + j] *= share;
    log_sum_exp[row] = tops[row] + std::log(sums[row]);
  }
}

template <typename O>
struct Forward {
  using Operands = O;
  using Value = typename O::Value;
  using Number = typename O::Number;

  int64_t keys, d;
  float scale;

  struct Buffers {
    Number *keys, *values, *queries, *p;
    float *lines, *scores, *out, *tops, *sums, *room;

    Buffers(const Forward& job, Pieces* pieces) {
      const int64_t length = roundedUp(job.keys, O::kStep), width = widthOf(job.d), depth = O::depthOf(job.d);
      lines = pieces->take(std::max(length, kScoreRows) * width);
      keys = pieces->take<Number>(length * depth + kLanes);
      values = pieces->take<Number>(O::kParts * length * width);
      queries = pieces->take<Number>(kScoreRows * depth + kLanes);
      scores = pieces->take(kScoreRows * kScoreColumns);
      p = O::kInPlace ? reinterpret_cast<Number*>(scores)
                      : pieces->take<Number>(O::kParts * kScoreRows * kScoreColumns);
      out = pieces->take(kScoreRows * width);
      tops = pieces->take(kScoreRows);
      sums = pieces->take(kScoreRows);
      room = pieces->take(kTile * std::max(width, depth) + kLanes);
    }
  };

  /// Of the queries `begin` to `end`.
  void run(int64_t begin, int64_t end, const Head<const Value>& q, const Head<const Value>& k,
           const Head<const Value>& v, const Head<Value>& out, float* log_sum_exp, const Buffers& to) const {
    const int64_t length = roundedUp(keys, O::kStep), width = widthOf(d);
    readLines(k, 0, keys, length, d, to.lines);
    O::packRight(to.lines, length, d, to.keys, to.room);
    readLines(v, 0, keys, length, d, to.lines);
    O::packRightOfLength(to.lines, length, d, to.values, length * width);
    for (int64_t row = begin; row < end; row += kScoreRows) {
      const int64_t rows = std::min(kScoreRows, end - row);
      readLines(q, row, rows, rows, d, to.lines);
      O::packLeft(to.lines, rows, d, to.queries);
      for (int64_t key = 0; key < keys; key += kScoreColumns) addKeys(rows, key, to);
      finishRows(to.sums, to.tops, rows, width, to.out, log_sum_exp + row);
      writeLines(to.out, rows, d, out, row);
    }
  }

 private:
  void addKeys(int64_t rows, int64_t key, const Buffers& to) const {
    const int64_t length = roundedUp(keys, O::kStep), width = widthOf(d);
    const int64_t columns = std::min(kScoreColumns, keys - key), padded = roundedUp(columns, O::kStep);
    O::multiply(rows, padded, d, to.queries, to.keys + O::kPaired * key, length, to.scores, kScoreColumns);
    softmaxRows<O>(to.scores, rows, columns, scale, key == 0, to.p, to.tops, to.sums, to.out, width);
    O::multiplyLength(rows, width, padded, {to.p, kScoreColumns, kScoreRows * kScoreColumns},
                      {to.values + key * width, width, length * width}, to.out, width, /*adds=*/key > 0);
  }
};

}  // namespace cameo::cpu

#endif
