#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"

namespace cameo {

/// A network's config.json, read with defaults and checked: every failure is `ErrorCode::WeightsFormat` and
/// names the file's owner, the field, its value and what is allowed. So are a request's options
/// (`Config::options`), whose failures are `ErrorCode::InvalidOption`.
class Config {
 public:
  /// Of layers, beyond what any network has: what else would fill the memory before a file is read.
  static constexpr int64_t kMostLayers = 64;
  static constexpr int64_t kMost = 1 << 20;
  static constexpr size_t kMostEntries = 16;

  /// `owner` is how messages call it: a path, or the network's name.
  Config(nlohmann::json values, std::string owner);

  /// Of a JSON text.
  static Config options(const std::string& text);

  int64_t integer(const char* field, int64_t fallback, int64_t min = 1, int64_t max = kMost) const;
  double number(const char* field, double fallback) const;
  double number(const char* field, double fallback, double min, double max) const;
  bool boolean(const char* field, bool fallback) const;
  std::string text(const char* field, const std::string& fallback) const;

  /// A list of exactly `count` integers; a single number stands for all of them.
  std::vector<int64_t> integers(const char* field, size_t count, int64_t fallback, int64_t max = kMost) const;
  /// A list of 1 to `kMostEntries` integers.
  std::vector<int64_t> integerList(const char* field, std::vector<int64_t> fallback,
                                   int64_t max = kMost) const;
  std::vector<std::string> texts(const char* field, std::vector<std::string> fallback,
                                 size_t most = kMostEntries) const;
  /// A list of at most `most` numbers; none where the field is absent.
  std::vector<double> numbers(const char* field, size_t most) const;
  /// What `names` has for the field's text.
  template <typename Value>
  Value oneOf(const char* field, const std::map<std::string, Value>& names, Value fallback) const {
    return has(field) ? oneOf(field, names) : fallback;
  }

  /// Fields that have no fallback fail where they are absent.
  const nlohmann::json& value(const char* field) const;
  /// Whatever a double can hold exactly.
  int64_t integer(const char* field) const;
  double number(const char* field) const;
  bool boolean(const char* field) const;
  std::string text(const char* field) const;
  template <typename Value>
  Value oneOf(const char* field, const std::map<std::string, Value>& names) const {
    const auto found = names.find(text(field));
    if (found == names.end()) failOneOf(field, keysOf(names));
    return found->second;
  }

  /// Fails unless the field is absent, null, false or equal to `only`: for what other architectures switch
  /// on.
  void requireUnset(const char* field, const nlohmann::json& only = nullptr) const;

  /// Null, too, counts as absent.
  bool has(const char* field) const;
  /// The fields that have a value and that nobody has asked for so far.
  std::vector<std::string> unasked() const;
  const std::string& owner() const { return owner_; }
  [[noreturn]] void fail(const char* field, const std::string& allowed) const;

 private:
  Config(nlohmann::json values, std::string owner, ErrorCode code, std::string place);
  template <typename Value>
  static std::vector<std::string> keysOf(const std::map<std::string, Value>& names) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : names) keys.push_back(key);
    return keys;
  }
  [[noreturn]] void failOneOf(const char* field, const std::vector<std::string>& names) const;
  int64_t checkedInteger(const char* field, const nlohmann::json& value, int64_t min, int64_t max) const;

  nlohmann::json values_;
  std::string owner_;
  ErrorCode code_;
  std::string place_;  // what messages say before a field's name
  mutable std::set<std::string> asked_;
};

}  // namespace cameo
