#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "weights/mapped_file.h"

namespace cameo::weights {

/// The directory of a zip file whose entries are stored uncompressed, as torch.save writes them.
class ZipArchive {
 public:
  struct Entry {
    std::string_view name;  // a view into the mapping
    uint64_t offset;        // of the content, from the file's start
    uint64_t size;
  };

  /// Throws `ErrorCode::WeightsFormat` for a damaged archive and for what a zip bomb is made of: compressed,
  /// encrypted or overlapping entries, names that are there twice.
  explicit ZipArchive(std::shared_ptr<const MappedFile> file);

  const std::vector<Entry>& entries() const { return entries_; }
  /// Null where there is no such entry.
  const Entry* find(std::string_view name) const;
  std::string_view text(const Entry& entry) const;
  const std::shared_ptr<const MappedFile>& file() const { return file_; }

 private:
  std::shared_ptr<const MappedFile> file_;
  std::vector<Entry> entries_;  // by name
};

}  // namespace cameo::weights
