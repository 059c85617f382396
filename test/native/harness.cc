#include "harness.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <napi.h>

#include <set>

#include "core/device.h"
#include "core/error.h"

namespace cameo::test {

namespace {

std::map<std::string, Probe>& probes() {
  static std::map<std::string, Probe> registry;
  return registry;
}

/// Where a probe computes, and in which type, but for the inputs whose names are `exact`.
struct Place {
  c10::Device device = c10::kCPU;
  c10::ScalarType dtype = c10::kFloat;
  std::set<std::string> exact;

  explicit Place(const Napi::Value& value) {
    if (!value.IsObject()) return;
    const auto text = [&](const char* key) {
      return value.As<Napi::Object>().Get(key).As<Napi::String>().Utf8Value();
    };
    device = parseDevice(text("device"));
    computeFloatsExactly();
    dtype = parseDtype(text("dtype"), device);
    const auto names = value.As<Napi::Object>().Get("exact").As<Napi::Array>();
    for (uint32_t i = 0; i < names.Length(); ++i) exact.insert(names.Get(i).As<Napi::String>());
  }

  at::Tensor bring(const std::string& name, const at::Tensor& x) const {
    const bool rounds = x.is_floating_point() && !exact.contains(name);
    return x.to(device, rounds ? dtype : x.scalar_type());
  }
};

at::Tensor toTensor(const Napi::Object& value) {
  std::vector<int64_t> shape;
  const auto dims = value.Get("shape").As<Napi::Array>();
  for (uint32_t i = 0; i < dims.Length(); ++i) shape.push_back(dims.Get(i).As<Napi::Number>().Int64Value());
  const auto data = value.Get("data").As<Napi::TypedArray>();
  void* bytes = static_cast<uint8_t*>(data.ArrayBuffer().Data()) + data.ByteOffset();
  switch (data.TypedArrayType()) {
    case napi_float32_array:
      return at::from_blob(bytes, shape, at::kFloat).clone();
    case napi_int32_array:
      return at::from_blob(bytes, shape, at::kInt).clone();
    case napi_uint8_array:
      return at::from_blob(bytes, shape, at::kByte).clone();
    default:
      throw Error(ErrorCode::InvalidOption, "probes take float32, int32 and uint8 arrays");
  }
}

Napi::Value fromTensor(Napi::Env env, const at::Tensor& tensor) {
  const at::Tensor values = tensor.to(at::kCPU, at::kFloat).contiguous();
  auto data = Napi::Float32Array::New(env, values.numel());
  std::memcpy(data.Data(), values.data_ptr(), values.nbytes());
  auto shape = Napi::Array::New(env, values.dim());
  for (int64_t i = 0; i < values.dim(); ++i) shape.Set(i, Napi::Number::New(env, values.size(i)));
  auto result = Napi::Object::New(env);
  result.Set("shape", shape);
  result.Set("data", data);
  return result;
}

Tensors toTensors(const Napi::Object& inputs, const Place& place) {
  Tensors tensors;
  const auto names = inputs.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>();
    tensors[name] = place.bring(name, toTensor(inputs.Get(name).As<Napi::Object>()));
  }
  return tensors;
}

/// So many threads compute while this lives, where it is told a number.
class Threads {
 public:
  explicit Threads(const Json& config) {
    if (!config.contains("threads")) return;
    before_ = at::get_num_threads();
    at::set_num_threads(config["threads"]);
  }
  ~Threads() {
    if (before_ > 0) at::set_num_threads(before_);
  }

 private:
  int before_ = 0;
};

Napi::Value runProbe(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  try {
    const std::string name = info[0].As<Napi::String>();
    const auto found = probes().find(name);
    if (found == probes().end()) throw Error(ErrorCode::InvalidOption, "there is no probe \"" + name + "\"");
    const Json config = Json::parse(info[1].As<Napi::String>().Utf8Value());
    const Threads threads(config);
    c10::InferenceMode inference;
    const Tensors outputs = found->second(config, toTensors(info[2].As<Napi::Object>(), Place(info[3])));
    auto result = Napi::Object::New(env);
    for (const auto& [key, tensor] : outputs) result.Set(key, fromTensor(env, tensor));
    return result;
  } catch (...) {
    const Error failure = currentError();
    auto error = Napi::Error::New(env, failure.what());
    error.Set("code", errorCodeName(failure.code()));
    throw error;
  }
}

/// The bytes that V8 was told of; Node's own functions count those of ArrayBuffers alone.
Napi::Value externalMemory(const Napi::CallbackInfo& info) {
  const int64_t bytes = Napi::MemoryManagement::AdjustExternalMemory(info.Env(), 0);
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

}  // namespace

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("run", Napi::Function::New(env, runProbe));
  exports.Set("externalMemory", Napi::Function::New(env, externalMemory));
  return exports;
}

bool addProbe(const std::string& name, Probe probe) {
  return probes().emplace(name, std::move(probe)).second;
}

void assignWeights(ParameterSet& parameters, const Tensors& inputs) {
  static const std::string prefix = "weights.";
  size_t used = 0;
  for (Parameter& parameter : parameters.all()) {
    const auto found = inputs.find(prefix + parameter.name);
    if (found == inputs.end()) throw Error(ErrorCode::WeightsMismatch, "no weight for " + parameter.name);
    if (found->second.sizes() != at::IntArrayRef(parameter.shape)) {
      throw Error(ErrorCode::WeightsMismatch, "weight of another shape for " + parameter.name);
    }
    parameter.value = found->second;
    ++used;
  }
  for (const auto& [name, tensor] : inputs) {
    if (name.rfind(prefix, 0) == 0 && parameters.find(name.substr(prefix.size())) == nullptr) {
      throw Error(ErrorCode::WeightsMismatch, "weight without a parameter: " + name);
    }
  }
}

}  // namespace cameo::test

using cameo::test::init;
NODE_API_MODULE(cameo_test, init)
