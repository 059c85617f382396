#include "weights/origins.h"

#include <c10/util/Half.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace cameo::weights {

namespace {

using nlohmann::json;

constexpr const char* kTrainedOn = "trained_on";
constexpr int64_t kNumbersOfTensor = 4;
constexpr size_t kLongestField = 4096;
constexpr size_t kLongestName = 256;
/// Names that many models have, which say something only behind their folder's.
constexpr auto kCommonNames =
    std::to_array<std::string_view>({"base", "motion", "model", "subject.safetensors"});

/// FNV-1a.
class Hash {
 public:
  void add(const void* bytes, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      value_ = (value_ ^ static_cast<const uint8_t*>(bytes)[i]) * 0x100000001b3;
    }
  }
  std::string text() const {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value_));
    return text;
  }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

/// Numbers along the tensor's diagonal, as fp16 has them.
void addNumbers(Hash& hash, const TensorEntry& entry) {
  for (int64_t i = 0; i < kNumbersOfTensor; ++i) {
    int64_t place = 0;
    for (size_t d = 0; d < entry.shape.size(); ++d) {
      const int64_t last = entry.shape[d] - 1;
      place += (i == kNumbersOfTensor - 1 ? last : last / (kNumbersOfTensor - 1) * i) * entry.strides[d];
    }
    const c10::Half number(static_cast<float>(entry.numberAt(place)));
    hash.add(&number.x, sizeof number.x);
  }
}

std::optional<Origin> readOrigin(const json& origins, const char* part) {
  const json origin = origins.value(part, json());
  if (!origin.is_object()) return std::nullopt;
  const json name = origin.value("name", json()), print = origin.value("fingerprint", json(""));
  if (!name.is_string() || !print.is_string()) return std::nullopt;
  return Origin{name.get<std::string>().substr(0, kLongestName),
                print.get<std::string>().substr(0, kLongestName)};
}

/// "owner/name" of a snapshot's folder in the Hugging Face hub's cache, which is called by its commit:
/// models--owner--name/snapshots/COMMIT. Empty for other folders.
std::string hubRepository(const std::filesystem::path& folder) {
  constexpr std::string_view kPrefix = "models--", kDivider = "--";
  const auto snapshots = folder.parent_path();
  const std::string repository = snapshots.parent_path().filename().string();
  if (snapshots.filename() != "snapshots" || !repository.starts_with(kPrefix)) return "";
  std::string name = repository.substr(kPrefix.size());
  const size_t divider = name.find(kDivider);
  return divider == name.npos ? name : name.replace(divider, kDivider.size(), "/");
}

}  // namespace

std::string fingerprint(const TensorSource& source) {
  std::vector<const TensorEntry*> order;
  for (const TensorEntry& entry : source.entries) {
    if (c10::isFloatingType(entry.dtype) && entry.numel() > 0) order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(),
            [](const TensorEntry* a, const TensorEntry* b) { return a->name < b->name; });
  std::map<const MappedFile*, ScatteredReading> of_numbers;
  for (const TensorEntry* entry : order) of_numbers.try_emplace(entry->file.get(), entry->file);
  Hash hash;
  for (const TensorEntry* entry : order) {
    hash.add(entry->name.data(), entry->name.size());
    addNumbers(hash, *entry);
  }
  return hash.text();
}

Origin originOf(const std::string& path, const TensorSource* source) {
  namespace fs = std::filesystem;
  fs::path place = fs::absolute(path).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  const std::string print = source == nullptr ? "" : fingerprint(*source);
  if (const std::string repository = hubRepository(place); !repository.empty()) return {repository, print};
  fs::path name = place.filename();
  while (std::find(kCommonNames.begin(), kCommonNames.end(), place.filename().string()) !=
         kCommonNames.end()) {
    place = place.parent_path();
    name = place.filename() / name;
  }
  return {name.string(), print};
}

Origins readOrigins(const TensorSource& source) {
  const auto found = source.metadata.find(kTrainedOn);
  if (found == source.metadata.end() || found->second.size() > kLongestField) return {};
  const json origins = json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  if (!origins.is_object()) return {};
  return {readOrigin(origins, "base"), readOrigin(origins, "motion"), readOrigin(origins, "subject")};
}

std::map<std::string, std::string> writeOrigins(const Origins& origins) {
  json fields = json::object();
  const auto add = [&](const char* part, const std::optional<Origin>& origin) {
    if (origin) fields[part] = {{"name", origin->name}, {"fingerprint", origin->fingerprint}};
  };
  add("base", origins.base);
  add("motion", origins.motion);
  add("subject", origins.subject);
  return {{kTrainedOn, fields.dump(-1, ' ', false, json::error_handler_t::replace)}};
}

}  // namespace cameo::weights
