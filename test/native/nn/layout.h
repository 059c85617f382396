#pragma once

#include "harness.h"
#include "nn/pisa.h"

namespace cameo::test {

/// Where a probe's config has "subjects", how many references each one has; their regions are the inputs
/// "region.0", "region.1" ... where there are such. "words" says which of them have some; none does without.
inline std::shared_ptr<const nn::Regions> regionsOf(const Json& config, const Tensors& in) {
  if (!config.contains("subjects")) return nullptr;
  std::vector<nn::Subject> subjects;
  for (const int64_t references : config.at("subjects")) {
    const auto region = in.find("region." + std::to_string(subjects.size()));
    const bool has_words = config.contains("words") && config.at("words").at(subjects.size());
    subjects.push_back({references, region == in.end() ? at::Tensor() : region->second, has_words});
  }
  return std::make_shared<const nn::Regions>(std::move(subjects));
}

/// The inputs "words.0", "words.1" ..., of those subjects that have words.
inline std::vector<at::Tensor> wordsOf(const Tensors& in) {
  std::vector<at::Tensor> words;
  for (auto found = in.find("words.0"); found != in.end();
       found = in.find("words." + std::to_string(words.size()))) {
    words.push_back(found->second);
  }
  return words;
}

/// "frames" and "references" of a probe's config, with `regionsOf` it at the resolution of "size" (height,
/// width) and "strengths" of the references.
inline nn::FrameLayout frameLayout(const Json& config, const Tensors& in) {
  nn::FrameLayout layout{.frames = config.at("frames"), .references = config.at("references")};
  if (const auto regions = regionsOf(config, in)) {
    const auto size = config.at("size").get<std::vector<int64_t>>();
    layout.regions = regions->ofLayer(layout.frames, size[0], size[1], in.begin()->second.device());
    layout.strengths = config.value("strengths", std::vector<double>());
  }
  return layout;
}

}  // namespace cameo::test
