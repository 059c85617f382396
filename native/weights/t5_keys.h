#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "weights/key_maps.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// T5EncoderModel's names, of a file that may hold a whole T5 model, too: without the decoder, and with the
/// tokens' embeddings once, as `shared.weight`, where the file has them under both of their names or under
/// the other alone.
KeyMap t5Keys(const TensorSource& source);

/// The names of one block alone, for a network of which each block is loaded by itself.
KeyMap t5BlockKeys(int64_t index);
/// That of the last norm alone.
std::optional<std::string> t5LastNormKey(std::string_view key);
/// The tokens' embeddings. Throws `ErrorCode::WeightsMismatch` where there are none.
const TensorEntry& t5Embeddings(const TensorSource& source);

}  // namespace cameo::weights
