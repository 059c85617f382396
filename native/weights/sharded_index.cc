#include "weights/sharded_index.h"

#include <c10/util/StringUtil.h>

#include <filesystem>
#include <map>

#include "weights/json_file.h"
#include "weights/open_weights.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

constexpr uint64_t kLongestIndex = 16 << 20;
constexpr size_t kMaxShards = 1000;

using NamesByShard = std::map<std::string, std::vector<std::string>>;

bool isPlainName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string("/\\\0", 3)) == name.npos;
}

NamesByShard readWeightMap(const nlohmann::json& index, const std::string& path) {
  const auto map = index.find("weight_map");
  if (map == index.end() || !map->is_object()) {
    failFormat(path, "this JSON file is no index of weights: it has no weight_map");
  }
  NamesByShard names;
  for (const auto& [name, shard] : map->items()) {
    if (!shard.is_string()) failFormat(path, "the shard of " + quote(name) + " is no file name");
    const auto& file = shard.get_ref<const std::string&>();
    if (!isPlainName(file)) {
      failFormat(path,
                 quote(name) + " is in " + quote(file) + ", which is no plain file name in the same folder");
    }
    names[file].push_back(name);
  }
  if (names.empty()) failFormat(path, "its weight_map is empty");
  if (names.size() > kMaxShards) failFormat(path, c10::str("it names ", names.size(), " shards"));
  return names;
}

void checkShard(const std::string& path, const TensorSource& shard,
                const std::vector<std::string>& expected) {
  std::map<std::string_view, bool> listed;
  for (const std::string& name : expected) listed[name] = false;
  for (const TensorEntry& entry : shard.entries) {
    const auto found = listed.find(entry.name);
    if (found == listed.end()) {
      failFormat(path, quote(entry.name) + " is in " + shard.path + ", but the index does not say so");
    }
    found->second = true;
  }
  for (const auto& [name, is_there] : listed) {
    if (!is_there) failFormat(path, quote(name) + " should be in " + shard.path + ", but is not there");
  }
}

}  // namespace

TensorSource readShardedIndex(const std::string& path) {
  const NamesByShard shards = readWeightMap(readJson(path, kLongestIndex), path);
  const auto folder = std::filesystem::path(path).parent_path();
  TensorSource source;
  source.path = path;
  for (const auto& [name, expected] : shards) {
    TensorSource shard = openWeightFile((folder / name).string());
    checkShard(path, shard, expected);
    source.format = "sharded " + shard.format;
    source.files.push_back(shard.path);
    source.metadata.merge(shard.metadata);
    source.entries.insert(source.entries.end(), std::make_move_iterator(shard.entries.begin()),
                          std::make_move_iterator(shard.entries.end()));
  }
  return source;
}

}  // namespace cameo::weights
