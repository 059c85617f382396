#pragma once

#include <fstream>
#include <string>

namespace cameo::test {

/// This process's resident memory ("VmRSS"), or its peak ("VmHWM"), in bytes, as Linux counts them.
inline double residentBytes(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return 1024 * std::stod(line.substr(field.size() + 1));
  }
  return 0;
}

/// Counts the peak anew.
inline void restartPeak() {
  std::ofstream("/proc/self/clear_refs") << "5" << std::flush;
}

}  // namespace cameo::test
