#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "weights/text.h"

namespace cameo::weights {

/// Little-endian numbers and strings out of an untrusted range. Reading past the end throws
/// `ErrorCode::WeightsFormat`.
class ByteReader {
 public:
  /// `path` names the file in messages and must outlive the reader.
  ByteReader(std::span<const std::byte> bytes, const std::string& path, uint64_t position = 0)
      : bytes_(bytes), path_(&path), position_(position) {}

  uint64_t position() const { return position_; }
  uint64_t remaining() const { return position_ > bytes_.size() ? 0 : bytes_.size() - position_; }
  const std::string& path() const { return *path_; }

  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }

  /// A view into the file.
  std::string_view text(uint64_t length) {
    const std::byte* first = take(length);
    return {reinterpret_cast<const char*>(first), static_cast<size_t>(length)};
  }

  void skip(uint64_t length) { take(length); }

 private:
  const std::byte* take(uint64_t length) {
    if (length > remaining()) failFormat(*path_, "the file is damaged or cut short: fetch it again");
    const std::byte* first = bytes_.data() + position_;
    position_ += length;
    return first;
  }

  std::span<const std::byte> bytes_;
  const std::string* path_;
  uint64_t position_;
};

}  // namespace cameo::weights
