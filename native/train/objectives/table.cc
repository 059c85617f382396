#include "train/objectives/table.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <typeinfo>

#include "core/error.h"
#include "families/cogvideox/cogvideox.h"
#include "families/stable_diffusion/stable_diffusion.h"
#include "families/stable_video_diffusion/stable_video_diffusion.h"
#include "families/wan/phantom.h"
#include "train/objectives/distillation.h"
#include "train/objectives/edm.h"
#include "train/objectives/film_vae.h"
#include "train/objectives/flow.h"
#include "train/objectives/noise.h"
#include "train/objectives/phantom.h"
#include "train/objectives/subject.h"
#include "train/objectives/vae.h"
#include "train/objectives/velocity.h"

namespace cameo::train {

namespace {

/// Null where the model is none that the kind learns on.
using Make = std::unique_ptr<Objective> (*)(const nlohmann::json& recipe, pipeline::Pipeline& pipeline);

struct Entry {
  std::string_view kind;
  std::string_view model;  // that it learns on
  Make make;
};

/// Models that are derived from another one are trained in another way.
template <typename T, typename Model>
std::unique_ptr<Objective> make(const nlohmann::json& recipe, pipeline::Pipeline& pipeline) {
  if (typeid(pipeline) != typeid(Model)) return nullptr;
  return std::make_unique<T>(recipe, static_cast<Model&>(pipeline));
}

constexpr std::string_view kStableDiffusion = "a Stable Diffusion 1.5 model", kWan = "a Wan model";

constexpr auto kObjectives = std::to_array<Entry>({
    {"image", kStableDiffusion, make<NoiseObjective, families::StableDiffusion>},
    {"motion", kStableDiffusion, make<NoiseObjective, families::StableDiffusion>},
    {"subject", kStableDiffusion, make<SubjectObjective, families::StableDiffusion>},
    {"vae", kStableDiffusion, make<VaeObjective, families::StableDiffusion>},
    {"cogvideox", "a CogVideoX model", make<VelocityObjective, families::CogVideoX>},
    {"distillation", "a CogVideoX model", make<DistillationObjective, families::CogVideoX>},
    {"svd", "a Stable Video Diffusion model", make<EdmObjective, families::StableVideoDiffusion>},
    {"wan", kWan, make<FlowObjective, families::Wan>},
    {"phantom", kWan, make<PhantomObjective, families::Phantom>},
    {"film-vae", kWan, make<FilmVaeObjective, families::Wan>},
});

}  // namespace

std::unique_ptr<Objective> makeObjective(const nlohmann::json& recipe, pipeline::Pipeline& pipeline) {
  const auto& kind = recipe.at("kind").get_ref<const std::string&>();
  const auto found = std::ranges::find(kObjectives, kind, &Entry::kind);
  if (found == kObjectives.end()) throw Error(ErrorCode::InvalidOption, "kind: " + kind + " is not known");
  if (auto objective = found->make(recipe, pipeline)) return objective;
  throw Error(ErrorCode::InvalidOption,
              c10::str("kind \"", kind, "\" trains ", found->model, ", and model.base ",
                       recipe.at("model").at("base").get<std::string>(), " is of the family ",
                       pipeline.description.at("family").get<std::string>(),
                       "; name another base, or a kind that trains this one"));
}

}  // namespace cameo::train
