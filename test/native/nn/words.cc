#include <ATen/ATen.h>

#include <cmath>

#include "nn/attention.h"
#include "nn/layout.h"

namespace cameo::test {

namespace {

/// Softmax attention of x (..., L, C) to a text (..., S, D), before the output projection.
at::Tensor readPlainly(const Json& config, const Tensors& in, const at::Tensor& x, const at::Tensor& text) {
  const auto heads = [&](const at::Tensor& y, const char* weight) {
    return at::matmul(y, in.at(weight).t())
        .unflatten(-1, {config.at("heads").get<int64_t>(), -1})
        .transpose(-3, -2);
  };
  const at::Tensor q = heads(x, "weights.to_q.weight");
  const at::Tensor scores =
      at::matmul(q, heads(text, "weights.to_k.weight").transpose(-2, -1)) / std::sqrt(q.size(-1));
  return at::matmul(scores.softmax(-1), heads(text, "weights.to_v.weight")).transpose(-3, -2).flatten(-2);
}

/// (F+R, n): how much of each image's position is of a subject, whose references are the images from `first`.
at::Tensor coverage(const at::Tensor& region, int64_t first, int64_t references, int64_t images,
                    const std::vector<int64_t>& size) {
  at::Tensor result = at::zeros({images, size[0] * size[1]});
  result.narrow(0, first, references).fill_(1);
  if (!region.defined()) return result;
  const int64_t high = region.size(2) / size[0], wide = region.size(3) / size[1];
  for (int64_t f = 0; f < region.size(1); ++f) {
    for (int64_t p = 0; p < result.size(1); ++p) {
      const int64_t top = p / size[1] * high, left = p % size[1] * wide;
      result[f][p] = region[0][f].slice(0, top, top + high).slice(1, left, left + wide).mean();
    }
  }
  return result;
}

/// Cross-attention of "x" (B, F+R, n, C) to "text", (B, S, D) or (B, F+R, S, D), and to the texts "words.0"
/// ... of subjects: "out", and "plain", what each position reads of every text by itself, weighed.
Tensors readWords(const Json& config, const Tensors& in) {
  ParameterSet parameters;
  const int64_t heads = config.at("heads"), channels = in.at("x").size(-1);
  const nn::Attention layer(
      Scope(parameters),
      {.dim = channels, .heads = heads, .head_dim = channels / heads, .context_dim = in.at("text").size(-1)});
  Tensors weights;
  for (const auto& [name, tensor] : in) {
    if (name.starts_with("weights.")) weights.emplace(name, tensor);
  }
  assignWeights(parameters, weights);
  const at::Tensor &x = in.at("x"), &text = in.at("text");
  const int64_t images = x.size(1), first_row = config.at("first_row");
  const nn::SubjectWords words{wordsOf(in), first_row};
  const nn::FrameLayout layout = frameLayout(config, in);
  const nn::WordsOfLayer of_layer{words, layout.regions->words};
  const at::Tensor out =
      text.dim() == 3
          ? layer.forwardTo(text, x.flatten(1, 2), x.flatten(1, 2), nullptr, &of_layer)
          : layer.forwardTo(text.flatten(0, 1), x.flatten(0, 1), x.flatten(0, 1), nullptr, &of_layer);

  const at::Tensor base = readPlainly(config, in, x, text.dim() == 3 ? text.unsqueeze(1) : text);
  const std::vector<int64_t> size = config.at("size");
  std::vector<at::Tensor> areas;
  int64_t first = config.at("frames");
  for (size_t s = 0; s < config.at("subjects").size(); ++s) {
    const int64_t references = config.at("subjects").at(s);
    const auto region = in.find("region." + std::to_string(s));
    if (config.at("words").at(s)) {
      const at::Tensor mask = region == in.end() ? at::Tensor() : region->second;
      areas.push_back(coverage(mask.defined() ? mask.expand({-1, layout.frames, -1, -1}) : mask, first,
                               references, images, size));
    }
    first += references;
  }
  const at::Tensor all = at::stack(areas), sum = all.sum(0);
  at::Tensor read = base * (1 - sum).clamp_min(0).unsqueeze(-1);
  for (size_t w = 0; w < areas.size(); ++w) {
    const at::Tensor weight = (all[w] / sum.clamp_min(1)).unsqueeze(-1);
    read = read + readPlainly(config, in, x, words.texts[w]) * weight;
  }
  read.narrow(0, 0, first_row).copy_(base.narrow(0, 0, first_row));
  const at::Tensor projected =
      at::matmul(read, in.at("weights.to_out.0.weight").t()) + in.at("weights.to_out.0.bias");
  return {{"out", out.view(x.sizes())}, {"plain", projected + x}};
}

}  // namespace

const bool kWordsRegistered = addProbe("nn.words", readWords);

}  // namespace cameo::test
