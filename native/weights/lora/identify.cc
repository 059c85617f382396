#include "weights/lora/identify.h"

#include <algorithm>
#include <optional>

#include "weights/lora/file.h"
#include "weights/lora/subject_adapters.h"
#include "weights/names/motion.h"
#include "weights/origins.h"
#include "weights/subject.h"

namespace cameo::weights {

namespace {

LoraNaming namingOf(const TensorSource& source) {
  for (const TensorEntry& entry : source.entries) {
    const auto name = parseLoraName(entry.name);
    if (name && name->naming != LoraNaming::Peft) return name->naming;
  }
  return LoraNaming::Peft;
}

std::string_view describeLora(LoraNaming naming, bool is_motion) {
  switch (naming) {
    case LoraNaming::Kohya:
      return is_motion ? "a motion LoRA (kohya names)" : "a LoRA (kohya names)";
    case LoraNaming::Peft:
      return is_motion ? "a motion LoRA (PEFT names)" : "a LoRA (PEFT names)";
    case LoraNaming::Diffusers:
      break;
  }
  return is_motion ? "a motion LoRA (diffusers names)" : "a LoRA (diffusers names)";
}

bool hasPart(const TensorSource& source, std::string_view part) {
  return std::any_of(source.entries.begin(), source.entries.end(),
                     [&](const TensorEntry& entry) { return entry.name.find(part) != std::string::npos; });
}

/// Whether training here wrote it, as a subject: it says what it was trained on or how references act.
bool isOfTraining(const TensorSource& source) {
  const SubjectMetadata subject = readSubjectMetadata(source);
  const Origins origins = readOrigins(source);
  return subject.reference_cross_attention || subject.noise_correlation || origins.base || origins.motion ||
         origins.subject;
}

}  // namespace

Identity identifyLora(const TensorSource& source) {
  const bool is_motion = hasPart(source, "motion_modules");
  Identity identity{is_motion ? "motion-lora" : "lora",
                    std::string(describeLora(namingOf(source), is_motion)), ""};
  if (isOriginalMotion(source)) identity.description = "a motion LoRA (original names)";
  try {
    readLoraParts(source);
    identity.option = isSubjectLora(source) && isOfTraining(source) ? "--subject" : "--lora";
  } catch (const Error& error) {
    identity.reason = error.what();
  }
  return identity;
}

}  // namespace cameo::weights
