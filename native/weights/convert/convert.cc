#include "weights/convert/convert.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/error.h"
#include "core/paths.h"
#include "weights/convert/layouts.h"
#include "weights/convert/lora.h"
#include "weights/identify.h"
#include "weights/inspect.h"
#include "weights/open_weights.h"
#include "weights/text.h"

namespace cameo::weights {

using nlohmann::json;

namespace {

constexpr const char* kDiffusers = "diffusers";
constexpr const char* kOriginal = "original";

void modelTo(const std::string& input, const std::string& output, const std::string& target,
             Writing& writing) {
  const BaseModel model = openBaseModel(input);
  target == kDiffusers ? writeDiffusersModel(model, output, writing)
                       : writeCheckpoint(model, output, writing);
}

void vaeTo(const std::string& input, const std::string& output, const std::string& target, Writing& writing) {
  const Component vae = openVae(input, Weights::Required);
  target == kDiffusers ? writeDiffusersVae(vae, output, writing) : writeOriginalVae(vae, output, writing);
}

void motionTo(const std::string& input, const std::string& output, const std::string& target,
              Writing& writing) {
  const Component motion = openMotion(input, json::object(), Weights::Required);
  target == kDiffusers ? writeMotionAdapter(motion, output, writing)
                       : writeOriginalMotion(motion, output, writing);
}

void loraTo(const std::string& input, const std::string& output, const std::string& target,
            Writing& writing) {
  writeLora(*openWeights(input), target, output, writing);
}

struct Convertible {
  std::string_view kind;                           // as `inspect` names it
  std::string (*other)(const std::string& input);  // the layout that it isn't in
  std::array<std::string_view, 2> targets;
  void (*write)(const std::string&, const std::string&, const std::string&, Writing&);
};

std::string toDiffusers(const std::string&) {
  return kDiffusers;
}
std::string toOriginal(const std::string&) {
  return kOriginal;
}
std::string toOtherLora(const std::string& input) {
  return otherLoraLayout(*openWeights(input));
}

constexpr std::array<std::string_view, 2> kOfModels{kDiffusers, kOriginal}, kOfLoras{"kohya", "peft"};

constexpr auto kConvertibles = std::to_array<Convertible>({
    {"pipeline", toOriginal, kOfModels, modelTo},
    {"ldm-checkpoint", toDiffusers, kOfModels, modelTo},
    {"vae", toOriginal, kOfModels, vaeTo},
    {"ldm-vae", toDiffusers, kOfModels, vaeTo},
    {"motion-adapter", toOriginal, kOfModels, motionTo},
    {"animatediff-original", toDiffusers, kOfModels, motionTo},
    {"lora", toOtherLora, kOfLoras, loraTo},
    {"motion-lora", toOtherLora, kOfLoras, loraTo},
});

}  // namespace

json convert(const Conversion& conversion, const OnTensor& onTensor, const Cancellation& cancellation) {
  const json inspection = inspect(conversion.input);
  const std::string kind = inspection["kind"];
  const auto found = std::find_if(kConvertibles.begin(), kConvertibles.end(),
                                  [&](const Convertible& entry) { return entry.kind == kind; });
  if (found == kConvertibles.end()) {
    throw Error(ErrorCode::InvalidOption,
                c10::str(conversion.input, ": this is ", inspection["description"].get<std::string>(),
                         ", which has no other layout to convert to"));
  }
  const std::string target = conversion.target.empty() ? found->other(conversion.input) : conversion.target;
  const auto& targets = found->targets;
  if (std::find(targets.begin(), targets.end(), target) == targets.end()) {
    throw Error(
        ErrorCode::InvalidOption,
        c10::str("to: ", quote(target), " is no layout of ", inspection["description"].get<std::string>(),
                 "; it must be \"", targets[0], "\" or \"", targets[1], "\""));
  }
  const bool is_file = target != kDiffusers;
  if (is_file && !conversion.output.ends_with(".safetensors")) {
    throw Error(ErrorCode::InvalidOption,
                quote(std::filesystem::path(conversion.output).filename().string()) +
                    " is to be one file, whose name must end in .safetensors");
  }
  Writing writing(onTensor, cancellation);
  found->write(conversion.input, conversion.output, target, writing);
  return {{"kind", kind}, {"target", target}, {"files", writing.files()}};
}

}  // namespace cameo::weights
