#include "pipeline/encodings.h"

#include <ATen/ATen.h>

#include "harness.h"

namespace cameo::test {

namespace {

/// Keys one after another, each of `parts`: a number, "prompt" (ids), "weights" (beside ids 1) or "picture"
/// (a side and a level). "made": how often something had to be made of "kind" so far.
Tensors encodings(const Json& config, const Tensors&) {
  pipeline::Encodings kept;
  std::vector<double> counts;
  double made = 0;
  for (const Json& asked : config.at("asked")) {
    if (asked.value("clear", false)) {
      kept.clear();
      continue;
    }
    pipeline::EncodingKey key;
    for (const Json& part : asked.at("key")) {
      if (part.is_number()) key.add(part.get<int64_t>());
      if (part.contains("ids"))
        key.add({.ids = part.at("ids"), .weights = part.value("weights", std::vector<float>())});
      if (part.contains("side")) {
        const int64_t side = part.at("side");
        const std::vector<uint8_t> data(3 * side * side, part.at("level").get<uint8_t>());
        key.add(std::vector<pipeline::RgbImage>{{data, side, side}});
      }
    }
    const auto make = [&] {
      if (asked.value("fails", false)) throw Error(ErrorCode::Aborted, "it was stopped");
      ++made;
      return pipeline::Encodings::Tensors{at::full({1}, made)};
    };
    try {
      counts.push_back(kept.of(asked.at("kind"), key, make)[0].item<double>());
    } catch (const Error&) {
      counts.push_back(0);
    }
  }
  return {{"made", at::tensor(counts)}};
}

}  // namespace

const bool kEncodingsRegistered = addProbe("pipeline.encodings", encodings);

}  // namespace cameo::test
