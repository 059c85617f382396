#include "families/families.h"

#include <algorithm>
#include <array>

#include "core/device.h"
#include "families/cogvideox/cogvideox.h"
#include "families/dynamicrafter/dynamicrafter.h"
#include "families/i2vgen_xl/i2vgen_xl.h"
#include "families/latte/latte.h"
#include "families/stable_diffusion/inpainting.h"
#include "families/stable_diffusion/instruct_pix2pix.h"
#include "families/stable_video_diffusion/stable_video_diffusion.h"
#include "families/wan/wan.h"
#include "weights/base_model.h"

namespace cameo::families {

namespace {

using pipeline::LoadOptions, pipeline::OnProgress, pipeline::Pipeline, weights::BaseModel;

bool isOf(const BaseModel& base, const char* pipeline_class, int64_t in_channels) {
  const auto class_name = base.index.find("_class_name"), channels = base.unet_config.find("in_channels");
  return (class_name != base.index.end() && *class_name == pipeline_class) ||
         (channels != base.unet_config.end() && *channels == in_channels);
}

bool isTransformer(const BaseModel& base, const char* class_name) {
  const auto found = base.transformer_config.find("_class_name");
  return found != base.transformer_config.end() && *found == class_name;
}

struct Family {
  bool (*matches)(const BaseModel& base);
  std::unique_ptr<Pipeline> (*load)(const BaseModel&, const LoadOptions&, const OnProgress&,
                                    const Cancellation&);
};

template <typename Model>
std::unique_ptr<Pipeline> loadAs(const BaseModel& base, const LoadOptions& options,
                                 const OnProgress& onProgress, const Cancellation& cancellation) {
  return loadStableDiffusion<Model>(base, options, onProgress, cancellation);
}

/// The first that matches is taken; the last one takes what is left, and says what is wrong with it.
const std::array kFamilies{
    Family{[](const BaseModel& base) { return weights::isVideoUNet(base.unet_config); },
           loadStableVideoDiffusion},
    Family{[](const BaseModel& base) { return weights::isI2VGenUNet(base.unet_config); }, loadI2VGenXl},
    Family{[](const BaseModel& base) { return weights::isDynamiCrafterUNet(base.unet_config); },
           loadDynamiCrafter},
    Family{isCogVideoX, loadCogVideoX},
    Family{[](const BaseModel& base) { return isTransformer(base, weights::kLatteClass); }, loadLatte},
    Family{[](const BaseModel& base) {
             return isTransformer(base, weights::kWanClass) || isTransformer(base, weights::kVaceClass);
           },
           loadWan},
    Family{[](const BaseModel& base) { return isOf(base, "StableDiffusionInstructPix2PixPipeline", 8); },
           loadAs<InstructPix2Pix>},
    Family{[](const BaseModel& base) { return isOf(base, "StableDiffusionInpaintPipeline", 9); },
           loadAs<Inpainting>},
    Family{[](const BaseModel&) { return true; }, loadAs<StableDiffusion>},
};

}  // namespace

std::unique_ptr<Pipeline> loadPipeline(const LoadOptions& options, const OnProgress& onProgress,
                                       const Cancellation& cancellation) {
  const BaseModel base = weights::openBaseModel(options.base);
  const Family& family = *std::find_if(kFamilies.begin(), kFamilies.end(),
                                       [&](const Family& each) { return each.matches(base); });
  auto model = family.load(base, options, onProgress, cancellation);
  for (const std::string& device : options.parallel_devices) {
    LoadOptions of_copy = options;
    of_copy.device = device;
    of_copy.dtype = dtypeName(model->dtype);
    model->copies.push_back(family.load(base, of_copy, [](const auto&) {}, cancellation));
  }
  return model;
}

}  // namespace cameo::families
