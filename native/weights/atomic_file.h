#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace cameo::weights {

/// A file that appears under its name only when it is whole and on disk: written under another name in the
/// same folder, renamed by `commit`, removed where that is not reached. Throws `ErrorCode::Checkpoint`.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void commit();

 private:
  [[noreturn]] void fail(int error) const;

  std::string path_;
  std::string partial_;
  int fd_ = -1;
};

}  // namespace cameo::weights
