#include "binding/values.h"

#include <ATen/ATen.h>

#include "core/config.h"

namespace cameo::binding {

namespace {

[[noreturn]] void fail(const char* name, const char* type) {
  throw Error(ErrorCode::InvalidOption, std::string(name) + ": " + type + " is expected");
}

/// Empty where it is undefined.
std::string text(const Napi::Object& object, const char* name) {
  const Napi::Value value = object.Get(name);
  if (value.IsUndefined()) return "";
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

template <typename T>
std::vector<T> typedArray(const Napi::Object& object, const char* name, napi_typedarray_type type,
                          const char* type_name) {
  const Napi::Value value = object.Get(name);
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) fail(name, type_name);
  const auto array = value.As<Napi::TypedArrayOf<T>>();
  return {array.Data(), array.Data() + array.ElementLength()};
}

std::vector<int32_t> ids(const Napi::Object& object, const char* name) {
  return typedArray<int32_t>(object, name, napi_int32_array, "an Int32Array");
}

/// Weights are undefined where they are all 1.
pipeline::PromptTokens promptTokens(const Napi::Object& object, const char* ids_name,
                                    const char* weights_name) {
  pipeline::PromptTokens tokens{.ids = ids(object, ids_name)};
  if (!object.Get(weights_name).IsUndefined()) {
    tokens.weights = typedArray<float>(object, weights_name, napi_float32_array, "a Float32Array");
  }
  return tokens;
}

std::vector<uint8_t> bytes(const Napi::Object& object, const char* name) {
  return typedArray<uint8_t>(object, name, napi_uint8_array, "a Uint8Array");
}

Napi::Array arrayAt(const Napi::Value& value, const char* name) {
  if (!value.IsArray()) fail(name, "an array");
  return value.As<Napi::Array>();
}

/// What `read` makes of each element of an array.
template <typename Read>
auto listAt(const Napi::Value& value, const char* name, const Read& read) {
  const Napi::Array list = arrayAt(value, name);
  std::vector<decltype(read(Napi::Value()))> result;
  for (uint32_t i = 0; i < list.Length(); ++i) result.push_back(read(list.Get(i)));
  return result;
}

/// (images, C, h, w), fp32.
at::Tensor latents(const Napi::Object& object, const char* name, const std::vector<int64_t>& shape) {
  const auto values = typedArray<float>(object, name, napi_float32_array, "a Float32Array");
  const at::Tensor tensor = at::tensor(values);
  if (shape.size() != 4 || tensor.numel() != c10::multiply_integers(shape)) fail(name, "another length");
  return tensor.view(shape);
}

models::Posterior keptLatents(const Napi::Object& object) {
  const auto shape = listAt(object.Get("shape"), "shape", [](const Napi::Value& value) {
    const int64_t size = value.ToNumber().Int64Value();
    if (size < 1) fail("shape", "positive numbers");
    return size;
  });
  return {latents(object, "mean", shape), latents(object, "logVariance", shape)};
}

/// Left, top, right and bottom.
std::array<double, 4> box(const Napi::Value& value) {
  const auto sides =
      listAt(value, "regions", [](const Napi::Value& side) { return side.ToNumber().DoubleValue(); });
  if (sides.size() != 4) fail("regions", "boxes of four numbers");
  return {sides[0], sides[1], sides[2], sides[3]};
}

train::Sample trainingSample(const Napi::Object& object) {
  train::Sample sample;
  sample.position = integer(object, "position");
  sample.caption = {ids(object, "ids"), text(object, "statesPath")};
  sample.width = integer(object, "width");
  sample.height = integer(object, "height");
  sample.references = integer(object, "referenceCount");
  if (object.Get("regions").IsArray()) sample.regions = listAt(object.Get("regions"), "regions", box);
  if (!object.Get("motionBucket").IsUndefined()) sample.motion_bucket = number(object, "motionBucket");
  sample.cache_path = text(object, "cachePath");
  if (object.Get("latents").IsObject()) {
    sample.kept = keptLatents(object.Get("latents").As<Napi::Object>());
    return sample;
  }
  sample.rgb = bytes(object, "frames");
  if (sample.references > 0) {
    const std::vector<uint8_t> references = bytes(object, "references");
    sample.rgb.insert(sample.rgb.end(), references.begin(), references.end());
  }
  return sample;
}

train::MicroBatch microBatch(const Napi::Value& samples) {
  auto batch = listAt(samples, "batches",
                      [](const Napi::Value& sample) { return trainingSample(objectAt(sample, "batches")); });
  if (batch.empty()) fail("batches", "at least one sample");
  return batch;
}

}  // namespace

pipeline::RgbImage readImage(const Napi::Object& object) {
  return {bytes(object, "data"), integer(object, "width"), integer(object, "height")};
}

pipeline::SampleRequest readSampleRequest(const Napi::Object& request) {
  auto result = pipeline::SampleRequest::read(Config::options(text(request, "options")));
  result.prompt = promptTokens(request, "promptIds", "promptWeights");
  result.negative = promptTokens(request, "negativeIds", "negativeWeights");
  if (!request.Get("promptCount").IsUndefined()) {
    result.prompt.count = integer(request, "promptCount");
    result.negative.count = integer(request, "negativeCount");
  }
  result.hands_out_frames = request.Get("handOutFrames").ToBoolean();
  if (!request.Get("promptFrames").IsUndefined()) {
    const std::vector<int32_t> frames = ids(request, "promptFrames");
    result.prompt_frames.assign(frames.begin(), frames.end());
  }
  result.words.resize(result.subjects.size());
  if (!request.Get("words").IsUndefined()) {
    result.words = listAt(request.Get("words"), "words", [](const Napi::Value& words) {
      if (words.IsUndefined()) return pipeline::PromptTokens();
      return promptTokens(objectAt(words, "words"), "ids", "weights");
    });
  }
  const Napi::Object pictures = objectAt(request.Get("pictures"), "pictures");
  for (const auto& name : listAt(pictures.GetPropertyNames(), "pictures",
                                 [](const Napi::Value& key) { return key.ToString().Utf8Value(); })) {
    result.pictures[name] = listAt(pictures.Get(name), name.c_str(), [&](const Napi::Value& picture) {
      return readImage(objectAt(picture, name.c_str()));
    });
  }
  return result;
}

train::StepInput readStepInput(const Napi::Object& input) {
  train::StepInput result;
  result.empty = {ids(input, "emptyIds"), text(input, "emptyStatesPath")};
  result.stop = boolean(input, "stop");
  result.batches = listAt(input.Get("batches"), "batches", microBatch);
  if (result.batches.empty()) fail("batches", "at least one micro-batch");
  return result;
}

}  // namespace cameo::binding
