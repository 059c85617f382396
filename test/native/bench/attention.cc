#include "nn/attention.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "bench/forms.h"
#include "nn/pisa.h"
#include "nn/plain_kernels.h"

namespace cameo::test {

namespace {

using Attend = std::function<at::Tensor(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v)>;

Tensors doubled(const Tensors& tensors) {
  Tensors result;
  for (const auto& [name, tensor] : tensors) result[name] = tensor.to(at::kDouble);
  return result;
}

/// The result for "q", "k" and "v", and with `backward` the gradients for its own, "grad".
Tensors run(const Attend& attend, const Tensors& given, bool plain, bool backward) {
  const nn::PlainKernels kernels(plain);
  const c10::InferenceMode inference(!backward);
  if (!backward) return {{"out", attend(given.at("q"), given.at("k"), given.at("v"))}};
  Tensors leaves;
  for (const std::string name : {"q", "k", "v"}) leaves[name] = given.at(name).detach().requires_grad_();
  const at::Tensor out = attend(leaves["q"], leaves["k"], leaves["v"]);
  out.backward(given.at("grad"));
  Tensors results{{"out", out.detach()}};
  for (const auto& [name, leaf] : leaves) results[name] = leaf.grad();
  return results;
}

/// Regions of as many subjects as the config says, each with one reference: they share the positions, and
/// move by one in every frame. Null without "subjects".
std::shared_ptr<const nn::LayerRegions> movingRegions(const Json& config) {
  if (!config.contains("subjects")) return nullptr;
  const int64_t count = config.at("subjects"), frames = config.at("frames"), tokens = config.at("tokens");
  const at::Tensor moved = at::arange(frames).unsqueeze(1) + at::arange(tokens);
  const at::Tensor owner = moved.remainder(tokens).mul(count).div(tokens, "floor");
  std::vector<nn::Subject> subjects;
  for (int64_t s = 0; s < count; ++s) subjects.push_back({1, owner.eq(s).view({1, frames, 1, tokens})});
  return nn::Regions(subjects).ofLayer(frames, 1, tokens, at::kCPU);
}

/// PISA of one sample: merged, merged with libtorch's attention, and concatenated with it, as upstream does.
Tensors timePisa(const Json& config, const Tensors&) {
  const c10::InferenceMode off(false);
  const int64_t heads = config.at("heads"), tokens = config.at("tokens");
  const nn::FrameLayout layout{
      .frames = config.at("frames"), .references = config.at("references"), .regions = movingRegions(config)};
  const at::Tensor bias = nn::pisaBias(layout);
  const bool backward = config.at("backward");
  const std::vector<int64_t> shape = {1, layout.images(), tokens,
                                      heads * config.at("head_dim").get<int64_t>()};
  Draw draw(config);
  Tensors given;
  for (const std::string name : {"q", "k", "v", "grad"}) given[name] = draw(shape);

  const auto with = [&](const auto& pisaOf) -> Attend {
    return [&, pisaOf](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
      return pisaOf(q, k, v, heads, layout);
    };
  };
  const Attend merged = with(nn::pisaMerged);
  const Attend concatenated = with([&](const auto&... given) { return nn::pisaBiased(given..., bias); });
  const std::vector<Form> forms = {
      {"merged", [&] { return run(merged, given, /*plain=*/false, backward); }},
      {"merged, plain", [&] { return run(merged, given, /*plain=*/true, backward); }},
      {"concatenated", [&] { return run(concatenated, given, /*plain=*/true, backward); }},
  };
  const auto exact = [&] { return run(concatenated, doubled(given), /*plain=*/true, backward); };
  return measure(forms, exact, Measurement(config));
}

/// Attention of `samples` sequences of `tokens` queries to `keys` keys.
Tensors timeAttention(const Json& config, const Tensors&) {
  const c10::InferenceMode off(false);
  const int64_t heads = config.at("heads"), samples = config.at("samples");
  const int64_t channels = heads * config.at("head_dim").get<int64_t>();
  const bool backward = config.at("backward");
  Draw draw(config);
  const auto drawHeads = [&](const char* length) {
    return nn::splitHeads(draw({samples, config.at(length).get<int64_t>(), channels}), heads);
  };
  const Tensors given{{"q", drawHeads("tokens")},
                      {"k", drawHeads("keys")},
                      {"v", drawHeads("keys")},
                      {"grad", drawHeads("tokens")}};
  const Attend attend = [](const auto& q, const auto& k, const auto& v) { return nn::attend(q, k, v); };
  const std::vector<Form> forms = {
      {"fast", [&] { return run(attend, given, /*plain=*/false, backward); }},
      {"plain", [&] { return run(attend, given, /*plain=*/true, backward); }},
  };
  const auto exact = [&] { return run(attend, doubled(given), /*plain=*/true, backward); };
  return measure(forms, exact, Measurement(config));
}

}  // namespace

const bool kAttentionMeasured =
    addProbe("bench.pisa", timePisa) && addProbe("bench.attention", timeAttention);

}  // namespace cameo::test
