#include "core/config.h"

#include <c10/util/StringUtil.h>

namespace cameo {

using nlohmann::json;

namespace {

constexpr int64_t kMostExact = (int64_t{1} << 53) - 1;

}  // namespace

Config::Config(json values, std::string owner, ErrorCode code, std::string place)
    : values_(std::move(values)), owner_(std::move(owner)), code_(code), place_(std::move(place)) {
  if (!values_.is_object()) throw Error(code_, owner_ + ": the config is not a JSON object");
}

Config::Config(json values, std::string owner)
    : Config(std::move(values), owner, ErrorCode::WeightsFormat, owner + ": config field ") {}

Config Config::options(const std::string& text) {
  return {json::parse(text, nullptr, /*allow_exceptions=*/false), "options", ErrorCode::InvalidOption, ""};
}

bool Config::has(const char* field) const {
  asked_.insert(field);
  const auto found = values_.find(field);
  return found != values_.end() && !found->is_null();
}

std::vector<std::string> Config::unasked() const {
  std::vector<std::string> result;
  for (const auto& [field, value] : values_.items()) {
    if (!value.is_null() && asked_.count(field) == 0) result.push_back(field);
  }
  return result;
}

void Config::failOneOf(const char* field, const std::vector<std::string>& names) const {
  std::string known = names.front();
  for (size_t i = 1; i < names.size(); ++i) known += (i + 1 < names.size() ? ", " : " and ") + names[i];
  fail(field, known + " are known");
}

void Config::fail(const char* field, const std::string& allowed) const {
  const auto found = values_.find(field);
  const std::string value =
      found == values_.end() ? "absent" : found->dump(-1, ' ', true, json::error_handler_t::replace);
  throw Error(code_, c10::str(place_, field, " is ", value.substr(0, 80), "; ", allowed));
}

int64_t Config::checkedInteger(const char* field, const json& value, int64_t min, int64_t max) const {
  if (value.is_number_integer()) {
    const auto number = value.get<int64_t>();
    if (number >= min && number <= max) return number;
  }
  fail(field, c10::str("it must be a whole number from ", min, " to ", max));
}

int64_t Config::integer(const char* field, int64_t fallback, int64_t min, int64_t max) const {
  return has(field) ? checkedInteger(field, values_[field], min, max) : fallback;
}

double Config::number(const char* field, double fallback) const {
  return has(field) ? number(field) : fallback;
}

double Config::number(const char* field, double fallback, double min, double max) const {
  if (!has(field)) return fallback;
  const double value = number(field);
  if (!(value >= min && value <= max)) fail(field, c10::str("it must be a number from ", min, " to ", max));
  return value;
}

bool Config::boolean(const char* field, bool fallback) const {
  return has(field) ? boolean(field) : fallback;
}

std::string Config::text(const char* field, const std::string& fallback) const {
  return has(field) ? text(field) : fallback;
}

const json& Config::value(const char* field) const {
  if (!has(field)) fail(field, "it must be given");
  return values_[field];
}

int64_t Config::integer(const char* field) const {
  return checkedInteger(field, value(field), -kMostExact, kMostExact);
}

double Config::number(const char* field) const {
  if (!value(field).is_number()) fail(field, "it must be a number");
  return value(field).get<double>();
}

bool Config::boolean(const char* field) const {
  if (!value(field).is_boolean()) fail(field, "it must be true or false");
  return value(field).get<bool>();
}

std::string Config::text(const char* field) const {
  if (!value(field).is_string()) fail(field, "it must be a string");
  return value(field).get<std::string>();
}

std::vector<int64_t> Config::integers(const char* field, size_t count, int64_t fallback, int64_t max) const {
  if (!has(field)) return std::vector<int64_t>(count, fallback);
  if (!values_[field].is_array()) return std::vector<int64_t>(count, integer(field, fallback, 1, max));
  const std::vector<int64_t> list = integerList(field, {}, max);
  if (list.size() != count) fail(field, c10::str("it must be a number or a list of ", count, " numbers"));
  return list;
}

std::vector<int64_t> Config::integerList(const char* field, std::vector<int64_t> fallback,
                                         int64_t max) const {
  if (!has(field)) return fallback;
  const json& list = values_[field];
  if (!list.is_array() || list.empty() || list.size() > kMostEntries) {
    fail(field, c10::str("it must be a list of 1 to ", kMostEntries, " numbers"));
  }
  std::vector<int64_t> result;
  for (const json& value : list) result.push_back(checkedInteger(field, value, 1, max));
  return result;
}

std::vector<std::string> Config::texts(const char* field, std::vector<std::string> fallback,
                                       size_t most) const {
  if (!has(field)) return fallback;
  const json& list = values_[field];
  if (!list.is_array() || list.empty() || list.size() > most) {
    fail(field, c10::str("it must be a list of 1 to ", most, " names"));
  }
  std::vector<std::string> result;
  for (const json& value : list) {
    if (!value.is_string()) fail(field, "it must be a list of names");
    result.push_back(value.get<std::string>());
  }
  return result;
}

std::vector<double> Config::numbers(const char* field, size_t most) const {
  if (!has(field)) return {};
  const json& list = values_[field];
  if (!list.is_array() || list.size() > most)
    fail(field, c10::str("it must be a list of at most ", most, " numbers"));
  std::vector<double> result;
  for (const json& value : list) {
    if (!value.is_number()) fail(field, "it must be a list of numbers");
    result.push_back(value.get<double>());
  }
  return result;
}

void Config::requireUnset(const char* field, const json& only) const {
  if (!has(field) || values_[field] == only || values_[field] == false) return;
  fail(field, "networks that use it are not supported");
}

}  // namespace cameo
