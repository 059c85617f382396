#include "weights/available_memory.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>

#include "weights/text.h"

namespace cameo::weights {

namespace {

std::optional<uint64_t> readNumber(const std::string& path) {
  std::ifstream file(path);
  uint64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

// The number after `label` in a file of such lines.
std::optional<uint64_t> readLabelled(const std::string& path, const std::string& label) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    uint64_t number = 0;
    if (word == label && file >> number) return number;
  }
  return std::nullopt;
}

struct ControlGroup {
  std::string limit;
  std::string usage;
  std::string statistics;
  std::string
      cache_label;  // of the file cache in `statistics`, which the system gives up when memory is short
};

std::optional<uint64_t> availableIn(const ControlGroup& group) {
  const auto limit = readNumber(group.limit);  // "max" is no number
  const auto usage = readNumber(group.usage);
  if (!limit || !usage) return std::nullopt;
  const uint64_t cache = readLabelled(group.statistics, group.cache_label).value_or(0);
  const uint64_t taken = *usage - std::min(*usage, cache);
  return *limit - std::min(*limit, taken);
}

}  // namespace

std::optional<uint64_t> availableMemory() {
  std::optional<uint64_t> available = readLabelled("/proc/meminfo", "MemAvailable:");
  if (available) *available *= 1024;
  // A container sees its own control group as the root one, of version 2 or 1.
  const std::string root = "/sys/fs/cgroup/";
  const ControlGroup groups[] = {
      {root + "memory.max", root + "memory.current", root + "memory.stat", "file"},
      {root + "memory/memory.limit_in_bytes", root + "memory/memory.usage_in_bytes",
       root + "memory/memory.stat", "total_cache"},
  };
  for (const ControlGroup& group : groups) {
    const auto left = availableIn(group);
    if (left) available = std::min(available.value_or(*left), *left);
  }
  return available;
}

void requireMemory(uint64_t bytes, const std::string& what, const std::string& otherwise) {
  const auto available = availableMemory();
  if (!available || bytes <= *available) return;
  throw Error(ErrorCode::OutOfMemory,
              c10::str(what, " needs ", bytesText(bytes), " of memory and ", bytesText(*available),
                       " are free: close other programs, or ", otherwise));
}

}  // namespace cameo::weights
