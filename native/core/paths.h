#pragma once

#include <filesystem>

namespace cameo {

/// Whether there is a file; false, too, where that can't be seen.
inline bool isFile(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

/// Whether there is a folder; false, too, where that can't be seen.
inline bool isFolder(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

}  // namespace cameo
