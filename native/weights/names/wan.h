#pragma once

#include <cstdint>

#include "weights/names/name_table.h"

namespace cameo::weights {

/// How names begin, and what they have, that only the released code's transformer of Wan has.
inline constexpr std::string_view kWanTimeProjection = "time_projection.1.",
                                  kWanSelfAttention = ".self_attn.";

/// The released code's names (`blocks.0.self_attn.q`) of a transformer with so many layers.
NameTable wanTransformerNames(int64_t layers);

/// How names begin, and what they have, that only the released code's text encoder of Wan has.
inline constexpr std::string_view kWanTextTokens = "token_embedding.",
                                  kWanTextBias = ".pos_embedding.embedding.";

/// The released code's names (`blocks.0.ffn.gate.0`) of umT5's encoder.
NameTable wanTextNames(int64_t layers);

}  // namespace cameo::weights
