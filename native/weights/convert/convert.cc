#include "weights/convert/convert.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/error.h"
#include "core/paths.h"
#include "weights/convert/layouts.h"
#include "weights/identify.h"
#include "weights/inspect.h"
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

struct Convertible {
  std::string_view kind;  // as `inspect` names it
  const char* layout;     // what it is in
  void (*write)(const std::string&, const std::string&, const std::string&, Writing&);
};

constexpr auto kConvertibles = std::to_array<Convertible>({
    {"pipeline", kDiffusers, modelTo},
    {"ldm-checkpoint", kOriginal, modelTo},
    {"vae", kDiffusers, vaeTo},
    {"ldm-vae", kOriginal, vaeTo},
    {"motion-adapter", kDiffusers, motionTo},
    {"animatediff-original", kOriginal, motionTo},
});

std::string otherLayout(const Convertible& kind) {
  return kind.layout == std::string(kDiffusers) ? kOriginal : kDiffusers;
}

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
  const std::string target = conversion.target.empty() ? otherLayout(*found) : conversion.target;
  if (target != kDiffusers && target != kOriginal) {
    throw Error(ErrorCode::InvalidOption, c10::str("to: ", quote(target), " is no layout of ",
                                                   inspection["description"].get<std::string>(),
                                                   "; it must be \"diffusers\" or \"original\""));
  }
  const bool is_file = target == kOriginal;
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
