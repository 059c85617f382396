#include "train/objectives/table.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/error.h"
#include "train/objectives/noise.h"
#include "train/objectives/subject.h"
#include "train/objectives/vae.h"

namespace cameo::train {

namespace {

struct Entry {
  std::string_view kind;
  std::unique_ptr<Objective> (*make)(const nlohmann::json& recipe, families::StableDiffusion& pipeline);
};

template <typename T>
std::unique_ptr<Objective> make(const nlohmann::json& recipe, families::StableDiffusion& pipeline) {
  return std::make_unique<T>(recipe, pipeline);
}

constexpr auto kObjectives = std::to_array<Entry>({
    {"image", make<NoiseObjective>},
    {"motion", make<NoiseObjective>},
    {"subject", make<SubjectObjective>},
    {"vae", make<VaeObjective>},
});

}  // namespace

std::unique_ptr<Objective> makeObjective(const nlohmann::json& recipe, families::StableDiffusion& pipeline) {
  const auto& kind = recipe.at("kind").get_ref<const std::string&>();
  const auto found = std::find_if(kObjectives.begin(), kObjectives.end(),
                                  [&](const Entry& entry) { return entry.kind == kind; });
  if (found == kObjectives.end()) throw Error(ErrorCode::InvalidOption, "kind: " + kind + " is not known");
  return found->make(recipe, pipeline);
}

}  // namespace cameo::train
