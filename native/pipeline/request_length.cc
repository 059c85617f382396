#include "pipeline/request_length.h"

#include <map>

#include "core/config.h"

namespace cameo::pipeline {

namespace {

const std::map<std::string, WindowSchedule> kSchedules = {{"standard", WindowSchedule::Standard},
                                                          {"uniform", WindowSchedule::Uniform},
                                                          {"looped", WindowSchedule::Looped}};
const std::map<std::string, nn::FrameWeights> kWeights = {{"flat", nn::FrameWeights::Flat},
                                                          {"pyramid", nn::FrameWeights::Pyramid},
                                                          {"relative", nn::FrameWeights::Relative},
                                                          {"sawtooth", nn::FrameWeights::Sawtooth}};
const std::map<std::string, NoiseKind> kNoises = {{"independent", NoiseKind::Independent},
                                                  {"freenoise", NoiseKind::Shuffled},
                                                  {"freenoise-repeat", NoiseKind::Repeated},
                                                  {"freenoise-random", NoiseKind::Random}};
const std::map<std::string, FreeInit::Filter> kFilters = {{"gaussian", FreeInit::Filter::Gaussian},
                                                          {"butterworth", FreeInit::Filter::Butterworth},
                                                          {"ideal", FreeInit::Filter::Ideal}};

/// An option that is an object, as options of its own.
Config within(const Config& options, const char* name) {
  const nlohmann::json& value = options.value(name);
  if (!value.is_object()) options.fail(name, "it must be an object");
  return Config::options(value.dump());
}

ContextWindows readContext(const Config& options) {
  if (!options.has("context")) return {};
  const nlohmann::json& value = options.value("context");
  const auto number = [&](const char* name) {
    if (value.is_object() && value.contains(name) && value[name].is_number_integer()) {
      return value[name].get<int64_t>();
    }
    options.fail("context", "it must have a length and an overlap, whole numbers");
  };
  ContextWindows context{.length = number("length"), .overlap = number("overlap")};
  if (context.length < 1 || context.overlap < 0 || context.overlap >= context.length) {
    options.fail("context", "its length must be 1 or more, and its overlap less than that");
  }
  const Config fields = within(options, "context");
  context.schedule = fields.oneOf("schedule", kSchedules, context.schedule);
  context.strides = fields.integer("stride", context.strides, 1, 32);
  context.weights = fields.oneOf("weights", kWeights, context.weights);
  return context;
}

FreeInit readFreeInit(const Config& options) {
  const nlohmann::json& value = options.value("freeInit");
  if (value.is_boolean() && !value.get<bool>()) return {};
  const Config fields = within(options, "freeInit");
  return {.iterations = fields.integer("iterations"),
          .filter = fields.oneOf("method", kFilters),
          .spatial_stop = fields.number("spatialStop"),
          .temporal_stop = fields.number("temporalStop"),
          .order = fields.integer("order")};
}

/// Windows that go on with the first frame at the end. Where there are no smaller ones, two of all frames,
/// one of which begins in the middle of the other: where a single one ends, frames would not be neighbours.
ContextWindows looped(ContextWindows context, int64_t frames) {
  context.schedule = WindowSchedule::Looped;
  if (context.length > 0 && context.length < frames) return context;
  context.length = frames;
  context.overlap = frames / 2;
  return context;
}

}  // namespace

void readLength(const Config& options, SampleRequest& request) {
  request.context = readContext(options);
  request.noise = options.oneOf("noise", kNoises);
  request.free_init = readFreeInit(options);
  request.motion_scale = options.number("motionScale");
  const bool is_loop = options.boolean("loop");
  if (request.free_init.iterations < 1) options.fail("freeInit", "its iterations must be 1 or more");
  if (request.windowsInMotion() && request.context.length == 0) {
    options.fail("noise", "FreeNoise needs windows: give it a context");
  }
  if (request.windowsInMotion() && (is_loop || request.context.schedule != WindowSchedule::Standard)) {
    options.fail("noise", "FreeNoise's windows can't be \"uniform\", \"looped\" or a loop's");
  }
  if (is_loop) request.context = looped(request.context, request.frames);
}

}  // namespace cameo::pipeline
