#include "pipeline/origins.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <optional>

#include "models/motion_names.h"
#include "weights/lora/subject_adapters.h"
#include "weights/text.h"

namespace cameo::pipeline {

namespace {

using weights::Origin, weights::Origins, weights::TensorSource;

bool hasMotion(const TensorSource& source) {
  return std::any_of(source.entries.begin(), source.entries.end(),
                     [](const auto& entry) { return models::isMotionName(entry.name); });
}

/// Whether both are known and are not the same.
bool differ(const std::optional<Origin>& wanted, const std::optional<Origin>& loaded) {
  if (!wanted || wanted->fingerprint.empty()) return false;
  return !loaded || (!loaded->fingerprint.empty() && loaded->fingerprint != wanted->fingerprint);
}

std::string warning(const TensorSource& source, const char* option, const Origin& wanted,
                    const std::optional<Origin>& loaded) {
  return c10::str(source.path, " was trained on the ", option, " ", weights::quote(wanted.name),
                  " and is used ",
                  loaded ? "with another one, " + weights::quote(loaded->name) : std::string("without it"),
                  ": videos may be worse; `cameo inspect` says what it belongs to");
}

}  // namespace

Origins originsOf(const LoadOptions& options, const ModelSources& sources) {
  Origins origins;
  origins.base = weights::originOf(options.base, sources.base.get());
  if (!options.motion.empty()) origins.motion = weights::originOf(options.motion, sources.motion.get());
  for (const auto& source : sources.subject) {
    if (!weights::isSubjectLora(*source)) origins.subject = weights::originOf(source->path, source.get());
  }
  return origins;
}

std::vector<std::string> originWarnings(const Origins& loaded, const ModelSources& sources) {
  std::vector<std::string> warnings;
  const auto check = [&](const TensorSource& source, const char* option, const std::optional<Origin>& wanted,
                         const std::optional<Origin>& found) {
    if (differ(wanted, found)) warnings.push_back(warning(source, option, *wanted, found));
  };
  if (sources.motion) {
    check(*sources.motion, "base", weights::readOrigins(*sources.motion).base, loaded.base);
  }
  for (const auto& source : sources.subject) {
    const Origins wanted = weights::readOrigins(*source);
    const bool is_lora = weights::isSubjectLora(*source);
    check(*source, "base", wanted.base, loaded.base);
    // Whole matrices replace the motion modules and the subject that they were trained on.
    if (is_lora || !hasMotion(*source)) check(*source, "motion", wanted.motion, loaded.motion);
    if (is_lora) check(*source, "subject", wanted.subject, loaded.subject);
  }
  return warnings;
}

}  // namespace cameo::pipeline
