#include "weights/json_file.h"

#include <c10/util/StringUtil.h>

#include "weights/mapped_file.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

constexpr int kDeepest = 32;

}  // namespace

nlohmann::json readJson(const std::string& path, uint64_t limit) {
  const auto file = MappedFile::open(path);
  if (file->size() > limit) {
    failFormat(path, c10::str("its ", bytesText(file->size()), " are too many for this JSON file (at most ",
                              bytesText(limit), ")"));
  }
  const auto check_depth = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kDeepest) failFormat(path, "this JSON file is nested too deep");
    return true;
  };
  try {
    auto json = nlohmann::json::parse(file->text(), check_depth);
    if (!json.is_object()) failFormat(path, "this JSON file is not an object");
    return json;
  } catch (const nlohmann::json::parse_error& error) {
    failFormat(path, c10::str("this is not valid JSON (byte ", error.byte, "); fetch the file again"));
  } catch (const nlohmann::json::out_of_range&) {
    failFormat(path, "this JSON file has a number that is too large");
  }
}

}  // namespace cameo::weights
