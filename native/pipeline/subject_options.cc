#include "pipeline/subject_options.h"

#include <algorithm>

#include "core/config.h"

namespace cameo::pipeline {

namespace {

constexpr size_t kMostSubjects = 64, kMostLevels = 64;

std::array<double, 4> readBox(const Config& subject, const nlohmann::json& box) {
  std::array<double, 4> corners{};
  const bool fits = box.is_array() && box.size() == corners.size() &&
                    std::all_of(box.begin(), box.end(), [](const auto& part) { return part.is_number(); });
  if (!fits) subject.fail("boxes", "each must be four numbers");
  for (size_t i = 0; i < corners.size(); ++i) corners[i] = box[i].template get<double>();
  return corners;
}

}  // namespace

std::vector<SubjectOptions> readSubjects(const Config& options) {
  if (!options.has("subjects")) return {};
  const nlohmann::json& list = options.value("subjects");
  if (!list.is_array() || list.size() > kMostSubjects)
    options.fail("subjects", "it must be a list of subjects");
  std::vector<SubjectOptions> subjects;
  for (const nlohmann::json& entry : list) {
    const Config subject = Config::options(entry.dump());
    SubjectOptions read{.references = subject.integer("references"),
                        .scale = subject.number("scale"),
                        .range = {subject.number("from"), subject.number("to")},
                        .levels = subject.numbers("levels", kMostLevels)};
    if (read.levels.empty()) subject.fail("levels", "it must have one or more numbers");
    for (const nlohmann::json& box : subject.value("boxes")) read.boxes.push_back(readBox(subject, box));
    subjects.push_back(read);
  }
  return subjects;
}

}  // namespace cameo::pipeline
