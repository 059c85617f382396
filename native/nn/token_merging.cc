#include "nn/token_merging.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace cameo::nn {

namespace {

/// The most similar of `stays` (d, C) for each of `others` (s, C), and the cosine: both (s).
std::tuple<at::Tensor, at::Tensor> mostAlike(const at::Tensor& others, const at::Tensor& stays) {
  const auto unit = [](const at::Tensor& x) { return x / x.norm(2, -1, /*keepdim=*/true).clamp_min(1e-12); };
  return at::max(at::mm(unit(others), unit(stays).t()), 1);
}

/// For one image's tokens (n, C): the merged token of each, (n). Tokens that join none come first, then those
/// that stay of each cell.
at::Tensor groups(const at::Tensor& x, const at::Tensor& stays, const at::Tensor& others, int64_t joining) {
  const auto [cosine, nearest] = mostAlike(x.index_select(0, others), x.index_select(0, stays));
  const at::Tensor order = cosine.argsort(/*stable=*/true, /*dim=*/0, /*descending=*/true);
  const int64_t alone = others.size(0) - joining;
  const at::Tensor joined = order.slice(0, 0, joining), left = order.slice(0, joining);
  at::Tensor group = at::empty({x.size(0)}, others.options());
  group.index_copy_(0, stays, at::arange(alone, alone + stays.size(0), others.options()));
  group.index_copy_(0, others.index_select(0, left), at::arange(alone, others.options()));
  group.index_copy_(0, others.index_select(0, joined), nearest.index_select(0, joined) + alone);
  return group;
}

}  // namespace

TokenMerging::TokenMerging(const at::Tensor& x, int64_t height, int64_t width, double ratio) {
  at::Tensor first = at::zeros({height, width}, x.options().dtype(at::kBool));
  first.slice(0, 0, height / 2 * 2, 2).slice(1, 0, width / 2 * 2, 2).fill_(true);
  const at::Tensor stays = first.flatten().nonzero().squeeze(1);
  const at::Tensor others = first.logical_not().flatten().nonzero().squeeze(1);
  const int64_t tokens = height * width;
  const int64_t joining =
      stays.size(0) == 0
          ? 0
          : std::min(static_cast<int64_t>(ratio * static_cast<double>(tokens)), others.size(0));
  // Image by image: the cosines of all of them would take more memory than the attention does.
  std::vector<at::Tensor> all;
  for (const at::Tensor& image : x.unbind(0)) {
    all.push_back(joining == 0 ? at::arange(tokens, others.options())
                               : groups(image, stays, others, joining));
  }
  group_ = at::stack(all);
  // In fp32: bf16 can't count beyond 256.
  const auto options = x.options().dtype(at::kFloat);
  counts_ = at::zeros({x.size(0), tokens - joining}, options)
                .scatter_add_(1, group_, at::ones({x.size(0), tokens}, options))
                .unsqueeze(-1);
}

at::Tensor TokenMerging::merge(const at::Tensor& x) const {
  return at::zeros({x.size(0), counts_.size(1), x.size(2)}, counts_.options())
      .scatter_add_(1, group_.unsqueeze(-1).expand_as(x), x.to(at::kFloat))
      .div_(counts_)
      .to(x.scalar_type());
}

at::Tensor TokenMerging::spread(const at::Tensor& merged) const {
  return merged.gather(1, group_.unsqueeze(-1).expand({-1, -1, merged.size(2)}));
}

}  // namespace cameo::nn
