#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "cpu/attention_operands.h"
#include "cpu/vector.h"

#if CAMEO_CPU_KERNELS

namespace cameo::cpu {

constexpr int64_t kScoreRows = 64;      // of scores at a time
constexpr int64_t kScoreColumns = 512;  // together they stay in a core's cache

/// Probabilities are at least 2^-86: what is left of one for its second part in bf16 would otherwise have
/// less than fp32's precision at times, and such numbers cost a hundred times as much.
constexpr float kLeastExponent = -86;

/// Scores (rows, columns) become 2^(score * scale - top), top the largest exponent that a row has had so far,
/// as the left operand `p`. `sums` and what is in `out` (rows, width) from earlier columns are brought to the
/// new top.
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
      const Vector exponent = maximum(Vector{} + kLeastExponent, load(s + j) * scale - top);
      const Vector e = powerOfTwo<Operands::kOfHalves>(exponent);
      Operands::storeLeft(p + row * kScoreColumns + j, kScoreRows * kScoreColumns, e);
      total += e;
    }
    const float added = sum(total);
    if (!is_first && top > before) {
      const float shrunk = std::exp2(before - top);
      sums[row] *= shrunk;
      for (int64_t j = 0; j < width; ++j) out[row * width + j] *= shrunk;
    }
    sums[row] = is_first ? added : sums[row] + added;
    tops[row] = top;
  }
}

CAMEO_FOR_EACH_CPU inline void finishRows(const float* sums, const float* tops, int64_t rows, int64_t width,
                                          float* out, float* log_sum_exp) {
  for (int64_t row = 0; row < rows; ++row) {
    const float share = 1 / sums[row];
    for (int64_t j = 0; j < width; ++j) out[row * width + j] *= share;
    log_sum_exp[row] = (tops[row] + std::log2(sums[row])) * std::numbers::ln2_v<float>;
  }
}

/// For some queries at a time, over some keys at a time, whose operands are made for them.
template <typename O>
struct Forward {
  using Operands = O;
  using Value = typename O::Value;
  using Number = typename O::Number;
  using Input = Head<const Value>;
  static constexpr int64_t kQueries = 512, kKeys = 1024;

  int64_t keys, d;
  float scale;  // of scores that are exponents of two

  struct Inputs {
    Input q, k, v;
  };

  struct Buffers {
    Number *keys, *values, *queries, *p;
    float *out, *tops, *sums;  // of kQueries
    float *lines, *scores, *room;

    Buffers(const Forward& job, Pieces* pieces) {
      const int64_t width = widthOf(job.d), depth = O::depthOf(job.d);
      const int64_t length = std::min(kKeys, roundedUp(job.keys, O::kStep));
      keys = pieces->take<Number>(length * depth);
      values = pieces->take<Number>(O::kParts * length * width);
      queries = pieces->take<Number>(kScoreRows * depth + kLanes);
      out = pieces->take(kQueries * width);
      tops = pieces->take(kQueries);
      sums = pieces->take(kQueries);
      scores = pieces->take(kScoreRows * kScoreColumns);
      p = O::kInPlace ? reinterpret_cast<Number*>(scores)
                      : pieces->take<Number>(O::kParts * kScoreRows * kScoreColumns);
      lines = pieces->take(kScoreRows * width);
      room = pieces->take(kTile * std::max(width, depth) + kLanes);
    }
  };

  /// Of the queries `begin` to `end`.
  void run(int64_t begin, int64_t end, const Inputs& in, const Head<Value>& out, float* log_sum_exp,
           const Buffers& to) const {
    for (int64_t query = begin; query < end; query += kQueries) {
      const int64_t last = std::min(query + kQueries, end);
      for (int64_t key = 0; key < keys; key += kKeys) {
        if (query == begin || keys > kKeys) packKeys(in, key, to);
        for (int64_t row = query; row < last; row += kScoreRows) {
          addKeys(in.q, row, std::min(kScoreRows, last - row), row - query, key, to);
        }
      }
      finishRows(to.sums, to.tops, last - query, widthOf(d), to.out, log_sum_exp + query);
      writeLines(to.out, last - query, d, out, query);
    }
  }

 private:
  int64_t packed(int64_t key) const { return roundedUp(std::min(kKeys, keys - key), O::kStep); }

  void packKeys(const Inputs& in, int64_t key, const Buffers& to) const {
    const int64_t length = packed(key), width = widthOf(d);
    for (int64_t i = 0; i < length; i += kScoreRows) {
      const int64_t rows = std::min(kScoreRows, keys - key - i), padded = std::min(kScoreRows, length - i);
      readLines(in.k, key + i, rows, padded, d, to.lines);
      O::packRight(to.lines, padded, d, to.keys + O::kPaired * i, length, to.room);
      readLines(in.v, key + i, rows, padded, d, to.lines);
      O::packRightOfLength(to.lines, padded, d, to.values + i * width, length * width);
    }
  }

  /// The keys that are packed, to the queries from `row` on, which are `at` in the buffers.
  void addKeys(const Input& q, int64_t row, int64_t rows, int64_t at, int64_t key, const Buffers& to) const {
    const int64_t length = packed(key), width = widthOf(d), here = std::min(kKeys, keys - key);
    float *out = to.out + at * width, *tops = to.tops + at, *sums = to.sums + at;
    readLines(q, row, rows, rows, d, to.lines);
    O::packLeft(to.lines, rows, d, to.queries);
    for (int64_t i = 0; i < here; i += kScoreColumns) {
      const int64_t columns = std::min(kScoreColumns, here - i), padded = roundedUp(columns, O::kStep);
      const bool is_first = key + i == 0;
      O::multiply(rows, padded, d, to.queries, to.keys + O::kPaired * i, length, to.scores, kScoreColumns);
      softmaxRows<O>(to.scores, rows, columns, scale, is_first, to.p, tops, sums, out, width);
      O::multiplyLength(rows, width, padded, {to.p, kScoreColumns, kScoreRows * kScoreColumns},
                        {to.values + i * width, width, length * width}, out, width, /*adds=*/!is_first);
    }
  }
};

}  // namespace cameo::cpu

#endif
