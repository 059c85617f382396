#include "families/families.h"

#include <array>

#include "families/stable_diffusion/instruct_pix2pix.h"
#include "weights/json_file.h"

namespace cameo::families {

namespace {

using pipeline::LoadOptions, pipeline::OnProgress, pipeline::Pipeline;

/// What a base folder says it is.
struct BaseFolder {
  nlohmann::json index;  // model_index.json; an empty object where there is none
  nlohmann::json unet;   // the UNet's config
};

bool isOf(const BaseFolder& base, const char* pipeline_class, int64_t in_channels) {
  const auto class_name = base.index.find("_class_name"), channels = base.unet.find("in_channels");
  return (class_name != base.index.end() && *class_name == pipeline_class) ||
         (channels != base.unet.end() && *channels == in_channels);
}

struct Family {
  bool (*matches)(const BaseFolder& base);
  std::unique_ptr<Pipeline> (*load)(const LoadOptions&, const OnProgress&, const Cancellation&);
};

template <typename Model>
std::unique_ptr<Pipeline> loadAs(const LoadOptions& options, const OnProgress& onProgress,
                                 const Cancellation& cancellation) {
  return loadStableDiffusion<Model>(options, onProgress, cancellation);
}

/// The first that matches is taken; the last one takes what is left, and says what is wrong with it.
const std::array kFamilies{
    Family{[](const BaseFolder& base) { return isOf(base, "StableDiffusionInstructPix2PixPipeline", 8); },
           loadAs<InstructPix2Pix>},
    Family{[](const BaseFolder&) { return true; }, loadAs<StableDiffusion>},
};

}  // namespace

std::unique_ptr<Pipeline> loadPipeline(const LoadOptions& options, const OnProgress& onProgress,
                                       const Cancellation& cancellation) {
  const BaseFolder base{weights::readJsonIfThere(options.base + "/model_index.json"),
                        weights::readJsonIfThere(options.base + "/unet/config.json")};
  for (const Family& family : kFamilies) {
    if (family.matches(base)) return family.load(options, onProgress, cancellation);
  }
  return nullptr;
}

}  // namespace cameo::families
