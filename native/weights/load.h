#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/cancellation.h"
#include "core/parameters.h"
#include "weights/key_maps.h"
#include "weights/tensor_source.h"

namespace cameo::weights {

/// A file's tensors, as one layer of a network's weights.
struct Layer {
  std::shared_ptr<const TensorSource> source;
  KeyMap map = unetKey;
};

/// A layer's tensors under the network's names, without those that it leaves out.
TensorSource renamed(const Layer& layer);

struct LoadOptions {
  std::string network = "network";  // for messages: "UNet"
  at::ScalarType dtype = at::kFloat;
  at::Device device = at::kCPU;
  bool channels_last = false;  // kernels over space in the channels-last memory format
  std::function<void(int64_t done, int64_t total)> progress = {};  // in parameters, after each one
  const Cancellation* cancellation = nullptr;                      // checked before each parameter
  std::function<bool(const std::string& name)> may_miss = {};      // parameters that may stay without a value
  /// Whether values that are stored as they are wanted are the file's own bytes, mapped: nothing is copied
  /// then, and whoever drops the values may release the tensors' pages.
  bool borrows = false;
};

/// What a layer gave to the network.
struct Coverage {
  std::string path;
  std::string format;
  int64_t total = 0;                      // tensors in the file
  int64_t used = 0;                       // loaded into a parameter
  int64_t overridden = 0;                 // a later layer had the same parameter
  int64_t ignored = 0;                    // no weights of this network (see `KeyMap`)
  std::map<std::string, int64_t> dtypes;  // tensors by dtype, as stored: {"fp16": 686}
};

void to_json(nlohmann::json& json, const Coverage& coverage);

/// Of a file of which nothing has been used yet.
Coverage startCoverage(const TensorSource& source);

/// What `load` would return, and throws as it does for layers that don't fit the network; reads no tensor.
std::vector<Coverage> checkLayers(ParameterSet& parameters, const std::vector<Layer>& layers,
                                  const LoadOptions& options);

/// Gives every parameter its value from the LAST of `layers` that has it, cast to `options.dtype` on
/// `options.device`. One tensor is read at a time and its pages are given back, so the peak is the network
/// plus one tensor. The layers may be dropped afterwards: values that borrow keep their file mapped.
///
/// `load(unet.parameters(), {{base}, {motion}, {subject}}, {.network = "UNet", .dtype = at::kBFloat16})`
///
/// A shape that differs only by trailing ones fits: (C, C, 1, 1) and (C, C) are the same weights.
///
/// Everything is checked before the first allocation. Throws `ErrorCode::WeightsMismatch` for parameters that
/// no layer has, keys that the network doesn't know and wrong shapes, and `ErrorCode::OutOfMemory` where the
/// network doesn't fit into what the system has free. Returns one `Coverage` a layer, in their order.
std::vector<Coverage> load(ParameterSet& parameters, const std::vector<Layer>& layers,
                           const LoadOptions& options);

}  // namespace cameo::weights
