#include "binding/values.h"

#include "core/error.h"

namespace cameo::binding {

namespace {

[[noreturn]] void fail(const char* name, const char* type) {
  throw Error(ErrorCode::InvalidOption, std::string(name) + ": " + type + " is expected");
}

std::string text(const Napi::Object& object, const char* name, const std::string& fallback = "") {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return fallback;
  if (!value.IsString()) fail(name, "a string");
  return value.As<Napi::String>();
}

double number(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsNumber()) fail(name, "a number");
  return value.As<Napi::Number>().DoubleValue();
}

int64_t integer(const Napi::Object& object, const char* name) {
  return static_cast<int64_t>(number(object, name));
}

bool boolean(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsBoolean()) fail(name, "true or false");
  return value.As<Napi::Boolean>();
}

Napi::Object objectAt(const Napi::Value& value, const char* name) {
  if (!value.IsObject()) fail(name, "an object");
  return value.As<Napi::Object>();
}

std::vector<int32_t> ids(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_int32_array) {
    fail(name, "an Int32Array");
  }
  const auto array = value.As<Napi::Int32Array>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

pipeline::RgbImage image(const Napi::Object& object, const char* name) {
  pipeline::RgbImage result{{}, integer(object, "width"), integer(object, "height")};
  const Napi::Value value = object.Get("data");
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    fail(name, "RGB data in a Uint8Array");
  }
  const auto data = value.As<Napi::Uint8Array>();
  result.data.assign(data.Data(), data.Data() + data.ElementLength());
  return result;
}

pipeline::ReferenceNoiseMode noiseMode(const std::string& name) {
  if (name == "independent") return pipeline::ReferenceNoiseMode::Independent;
  if (name == "as-released") return pipeline::ReferenceNoiseMode::AsReleased;
  fail("referenceNoiseMode", "\"independent\" or \"as-released\"");
}

}  // namespace

pipeline::LoadOptions readLoadOptions(const Napi::Object& options) {
  return {.base = text(options, "base"),
          .motion = text(options, "motion"),
          .subject = text(options, "subject"),
          .device = text(options, "device", "auto"),
          .dtype = text(options, "dtype", "auto")};
}

pipeline::SampleRequest readSampleRequest(const Napi::Object& request) {
  pipeline::SampleRequest result;
  result.prompt_ids = ids(request, "promptIds");
  result.negative_ids = ids(request, "negativeIds");
  const Napi::Value references = request.Get("references");
  if (!references.IsArray()) fail("references", "an array");
  const auto list = references.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    result.references.push_back(image(objectAt(list.Get(i), "references"), "references"));
  }
  result.frames = integer(request, "frames");
  result.width = integer(request, "width");
  result.height = integer(request, "height");
  result.steps = integer(request, "steps");
  result.guidance_scale = number(request, "guidanceScale");
  result.scheduler = text(request, "scheduler");
  result.seed = static_cast<uint64_t>(integer(request, "seed"));
  result.reference_noise = number(request, "referenceNoise");
  result.reference_noise_mode = noiseMode(text(request, "referenceNoiseMode"));
  result.sample_reference_latents = text(request, "referenceLatents") == "sample";
  result.vae_tiling = boolean(request, "vaeTiling");
  result.preview = boolean(request, "preview");
  result.save_latents = text(request, "saveLatents");
  return result;
}

}  // namespace cameo::binding
