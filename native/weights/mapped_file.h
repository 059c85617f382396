#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace cameo::weights {

/// What is wrong with a symbolic link that leads nowhere, as in an incomplete cache of downloads; "" for all
/// else.
std::string describeDanglingLink(const std::string& path);

/// A file mapped into memory for reading. It must not be cut short by another process while it is mapped.
class MappedFile {
 public:
  /// Throws `ErrorCode::WeightsFormat` where there is no such file, where it is a folder, empty or not
  /// readable.
  static std::shared_ptr<const MappedFile> open(const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  const std::string& path() const { return path_; }
  uint64_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_), size_}; }

  /// Asks the system to read this range in the background.
  void prefetch(uint64_t offset, uint64_t length) const;
  /// Gives the range's pages back to the system; reading it again brings them back.
  void release(uint64_t offset, uint64_t length) const;

 private:
  friend class ScatteredReading;
  MappedFile(std::string path, const std::byte* data, size_t size);
  void advise(uint64_t offset, uint64_t length, int advice) const;

  std::string path_;
  const std::byte* data_;
  size_t size_;
};

/// While it lives, reading some bytes here and there brings only their pages from the disk. Otherwise the
/// system reads megabytes around each, which is most of the file in the end.
class ScatteredReading {
 public:
  explicit ScatteredReading(std::shared_ptr<const MappedFile> file);
  ScatteredReading(const ScatteredReading&) = delete;
  ScatteredReading& operator=(const ScatteredReading&) = delete;
  ~ScatteredReading();

 private:
  std::shared_ptr<const MappedFile> file_;
};

}  // namespace cameo::weights
