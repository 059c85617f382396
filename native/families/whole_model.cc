#include "families/whole_model.h"

#include <c10/util/StringUtil.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "samplers/samplers.h"

namespace cameo::families {

namespace {

[[noreturn]] void refuseForWhole(const std::string& option, const std::string& why) {
  throw Error(ErrorCode::InvalidOption, option + ": " + why);
}

}  // namespace

void takeScheduler(pipeline::Pipeline& model, const weights::BaseModel& base) {
  model.scheduler = base.scheduler();
  model.scheduler_path = base.scheduler_path;
  model.schedule();
}

void refuseOtherNetworks(const pipeline::LoadOptions& options, const std::string& kind,
                         const std::set<std::string>& taken) {
  const std::pair<const char*, bool> others[]{{"motion", !options.motion.empty()},
                                              {"subject", !options.subject.empty()},
                                              {"controls", !options.controls.empty()},
                                              {"ipAdapter", !options.ip_adapter.empty()},
                                              {"imageEncoder", !options.image_encoder.empty()},
                                              {"embeddings", !options.embeddings.empty()},
                                              {"tokenizer", !options.tokenizer.empty()},
                                              {"vae", !options.vae.empty()},
                                              {"prediction", !options.prediction.empty()}};
  for (const auto& [name, is_given] : others) {
    if (!is_given || taken.count(name) > 0) continue;
    refuseForWhole(name, c10::str(options.base, " is ", kind, ", which takes none; leave it out"));
  }
}

void refuseOtherRequests(const pipeline::SampleRequest& request, const std::string& why,
                         const std::set<std::string>& taken) {
  for (const auto& [name, given] : request.pictures) {
    if (taken.count(name) == 0 && !given.empty()) refuseForWhole(name, why);
  }
  // As `loop` alone is read.
  const bool is_loop = request.context.schedule == pipeline::WindowSchedule::Looped &&
                       request.context.length == request.frames;
  const std::pair<const char*, bool> others[]{{"loop", is_loop},
                                              {"noise", request.noise != pipeline::NoiseKind::Independent},
                                              {"context", request.context.length > 0},
                                              {"freeInit", request.free_init.iterations > 1},
                                              {"cacheInterval", request.cache_interval > 1},
                                              {"tokenMerging", request.token_merging > 0},
                                              {"motionScale", request.motion_scale != 1},
                                              {"strength", request.strength != 1},
                                              {"subjects", !request.subjects.empty()},
                                              {"temporalGuidance", request.temporal_guidance.has_value()}};
  for (const auto& [name, is_asked] : others) {
    if (is_asked && taken.count(name) == 0) refuseForWhole(name, why);
  }
}

void requirePicture(const pipeline::SampleRequest& request) {
  if (request.picturesOf("image").empty()) {
    refuseForWhole("image is missing", "this model makes a film of a picture");
  }
  if (request.frames < 1) refuseForWhole("frames", "it must be 1 or more");
}

std::vector<pipeline::GuidanceScale> promptGuidance(const pipeline::SampleRequest& request) {
  const bool guided = request.guidance_scale > 1 && request.guidance_range.from < request.guidance_range.to;
  if (!guided) return {};
  return {request.guidance_scale};
}

void describeWholeModel(pipeline::Pipeline& model, const char* family, const char* sampler, FilmOf of) {
  nlohmann::json& text = model.description;
  text["family"] = family;
  text["device"] = model.device.str();
  text["dtype"] = dtypeName(model.dtype);
  const std::string own_sampler = samplers::samplerNameOf(model.scheduler);
  text["scheduler"] = own_sampler.empty() ? sampler : own_sampler;
  for (const char* ability :
       {"text", "clipText", "windows", "caching", "video", "imageGuidance", "strength", "mask", "lastImage",
        "subject", "keyframes", "imagePrompt", "motionBucket", "frameStride", "pictureLatents"}) {
    text[ability] = false;
  }
  text["textEncoder"] = nullptr;
  text["promptCleaning"] = "none";
  text["image"] = text["imageToVideo"] = of == FilmOf::Picture;
  if (of == FilmOf::Prompt) text["films"] = true;
  text["required"] = of == FilmOf::Picture ? nlohmann::json::array({"image"}) : nlohmann::json::array();
  text["controls"] = 0;
  text["motion"] = nullptr;
  text["textPositions"] = text["textVocabulary"] = 0;
  text["tokenizer"] = nullptr;
  text["embeddings"] = text["warnings"] = nlohmann::json::array();
}

}  // namespace cameo::families
