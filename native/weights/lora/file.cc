#include "weights/lora/file.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "weights/identify.h"
#include "weights/lora/other_bases.h"
#include "weights/lora/scaling.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

/// Throws its errors.
class LoraProblem {
 public:
  LoraProblem(const TensorSource& source, std::string target) : source_(source), target_(std::move(target)) {}

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorCode::WeightsMismatch,
                c10::str("the adapters in ", source_.path, " do not fit the ", target_, ": ", why));
  }

  [[noreturn]] void refuse(const TensorEntry& entry, std::string_view what) const {
    failFormat(source_.path, c10::str("this is ", what, ", which is not supported (", quote(entry.name),
                                      "); merge it into the model with the program that made it"));
  }

 private:
  const TensorSource& source_;
  std::string target_;
};

const TensorEntry*& placeOf(LoraParts& parts, LoraPart part) {
  switch (part) {
    case LoraPart::Down:
      return parts.down;
    case LoraPart::Up:
      return parts.up;
    case LoraPart::Mid:
      return parts.mid;
    case LoraPart::Difference:
    case LoraPart::BiasDifference:
      return parts.difference;
    case LoraPart::Alpha:
      break;
  }
  return parts.alpha;
}

/// What a layer's adapter lacks; empty where it has both factors.
std::string lackOf(const LoraParts& parts) {
  const bool has_factors = parts.down != nullptr || parts.up != nullptr;
  if (parts.difference != nullptr && !has_factors) return "";
  if (parts.difference != nullptr) return quote(parts.name.shown) + " has a difference and factors as well";
  if (parts.down != nullptr && parts.up != nullptr) return "";
  const bool is_peft = parts.name.naming == LoraNaming::Peft;
  return quote(parts.name.shown) + " has only one of " + (is_peft ? "lora_A and lora_B" : "its down and up");
}

LoraPartsByLayer groupByLayer(const TensorSource& source, const LoraProblem& problem) {
  LoraPartsByLayer layers;
  for (const TensorEntry& entry : source.entries) {
    if (const auto other = otherAdapterOf(entry.name)) problem.refuse(entry, *other);
    const auto name = parseLoraName(entry.name);
    if (!name) problem.fail(quote(entry.name) + " is no part of an adapter");
    const bool is_bias = name->part == LoraPart::BiasDifference;
    LoraParts& parts = layers[{name->network, is_bias ? name->layer + ".bias" : name->layer}];
    if (parts.name.shown.empty() || name->part != LoraPart::Alpha) parts.name = *name;
    if (std::exchange(placeOf(parts, name->part), &entry) != nullptr) {
      problem.fail(quote(entry.name) + " is there twice");
    }
  }
  return layers;
}

/// A shape without its first dimension and without ones at its end: what a linear layer and a 1x1 kernel have
/// in common.
std::vector<int64_t> columnsOf(at::IntArrayRef shape) {
  std::vector<int64_t> columns(shape.begin() + 1, shape.end());
  while (!columns.empty() && columns.back() == 1) columns.pop_back();
  return columns;
}

std::vector<int64_t> columns(std::initializer_list<int64_t> sizes) {
  std::vector<int64_t> shape{0};
  shape.insert(shape.end(), sizes);
  return columnsOf(shape);
}

/// By the shapes alone, as a few bytes can claim to be a tensor of any size. So is a rank that no product
/// needs refused.
bool fitParameter(const LoraParts& parts, const Parameter& parameter) {
  if (parts.difference != nullptr) {
    const std::vector<int64_t>&shape = parts.difference->shape, &own = parameter.shape;
    const bool has_rows = !shape.empty() && !own.empty() && shape[0] == own[0];
    return shape == own || (has_rows && columnsOf(shape) == columnsOf(own));
  }
  const at::IntArrayRef down = parts.down->shape, up = parts.up->shape, wanted = parameter.shape;
  if (down.size() < 2 || up.size() < 2) return false;
  const int64_t out = wanted[0], in = parameter.numel() / out;
  const auto isRank = [&](int64_t rank, int64_t columns) {
    return rank > 0 && rank <= std::max(out, columns);
  };
  if (parts.mid == nullptr) {
    return isRank(down[0], in) && columnsOf(down) == columnsOf(wanted) && up[0] == out &&
           columnsOf(up) == columns({down[0]});
  }
  const at::IntArrayRef mid = parts.mid->shape;
  if (mid.size() != 4 || wanted.size() != 4) return false;
  return isRank(mid[0], wanted[1]) && isRank(mid[1], wanted[1]) && mid[2] == wanted[2] &&
         mid[3] == wanted[3] && down[0] == mid[1] && columnsOf(down) == columns({wanted[1]}) &&
         up[0] == out && columnsOf(up) == columns({mid[0]});
}

std::string shapesOf(const LoraParts& parts) {
  if (parts.difference != nullptr) return shapeText(parts.difference->shape);
  return c10::str(shapeText(parts.down->shape),
                  parts.mid ? ", " + shapeText(parts.mid->shape) : std::string(), " and ",
                  shapeText(parts.up->shape));
}

/// `alpha`'s number; none where it isn't there.
std::optional<double> alphaOf(const LoraParts& parts, const LoraProblem& problem) {
  if (parts.alpha == nullptr) return std::nullopt;
  if (parts.alpha->numel() != 1) problem.fail(quote(parts.alpha->name) + " is not one number");
  const double alpha = parts.alpha->view().to(at::kDouble).item<double>();
  if (!std::isfinite(alpha)) problem.fail(quote(parts.alpha->name) + " is no finite number");
  return alpha;
}

/// As `alpha` beside the factors or the metadata say it; 1 where neither does.
double scaleOf(const LoraParts& parts, const std::optional<LoraScaling>& scaling,
               const LoraProblem& problem) {
  if (parts.difference != nullptr) return 1;
  const int64_t rank = parts.down->shape[0];
  const double said = scaling ? scaling->scaleOf(parts.name.layer, rank) : 1;
  const auto alpha = alphaOf(parts, problem);
  if (!alpha) return said;
  const double scale = *alpha / static_cast<double>(rank);
  if (scaling && std::abs(scale - said) > 1e-3 * std::abs(said)) {
    problem.fail(c10::str(quote(parts.alpha->name), " makes its adapter ", scale,
                          " times as strong, its metadata ", said, " times: remove the one that is wrong"));
  }
  return scale;
}

/// Why a layer can't be added; empty where it can.
std::string misfitOf(const LoraParts& parts, const LoraLayers& layers) {
  const std::string shown = quote(parts.name.shown);
  if (layers.networkOf(parts.name).empty()) {
    return c10::str("there is no ", parts.name.network, " for ", shown);
  }
  const Parameter* parameter = layers.find(parts.name);
  if (parameter == nullptr) {
    const bool is_motion = parts.name.layer.find("motion_modules") != std::string::npos;
    return c10::str("there is no layer ", shown,
                    is_motion ? "; name the motion modules that it is for with `motion`" : "");
  }
  if (std::string lack = lackOf(parts); !lack.empty()) return lack;
  if (fitParameter(parts, *parameter)) return "";
  return c10::str(shown, " has ", shapesOf(parts), " for ", shapeText(parameter->shape));
}

/// One line for all that does not fit, with the first of it.
void requireFit(const LoraPartsByLayer& found, const LoraLayers& layers, const TensorSource& source,
                const LoraProblem& problem) {
  std::string first;
  size_t count = 0;
  for (const auto& [layer, parts] : found) {
    std::string misfit = misfitOf(parts, layers);
    if (!misfit.empty() && ++count == 1) first = std::move(misfit);
  }
  if (count == 0) return;
  const std::string_view base = otherBaseOf(source);
  problem.fail(c10::str(base.empty() ? "" : c10::str("it was made for ", base, ": "), first,
                        count > 1 ? c10::str(" (and so on: ", count, " of ", found.size(), " layers)") : ""));
}

std::string targetOf(const std::vector<LoraNetwork>& networks) {
  return networks.size() == 1 ? networks.front().name : "model";
}

at::Tensor factor(const TensorEntry& entry, at::Device device) {
  return entry.view().to(device, at::kFloat);
}

}  // namespace

LoraFile LoraFile::read(std::shared_ptr<const TensorSource> source,
                        const std::vector<LoraNetwork>& networks) {
  if (!isAnyLora(*source)) failOtherKind(*source, "a LoRA");
  const LoraProblem problem(*source, targetOf(networks));
  const LoraPartsByLayer found = groupByLayer(*source, problem);
  const LoraLayers layers(networks);
  requireFit(found, layers, *source, problem);
  LoraFile file;
  std::map<std::string, std::optional<LoraScaling>> scalings;
  for (const LoraNetwork& network : networks) {
    scalings[network.name] = LoraScaling::read(*source, network.name);
  }
  std::set<const Parameter*> parameters;
  for (const auto& [layer, parts] : found) {
    Parameter* parameter = layers.find(parts.name);
    if (!parameters.insert(parameter).second) problem.fail(quote(parts.name.shown) + " is there twice");
    if (parts.name.naming != LoraNaming::Peft) file.naming = parts.name.naming;
    const std::string network = layers.networkOf(parts.name);
    file.adapters.push_back({.parameter = parameter,
                             .network = network,
                             .down = parts.down,
                             .up = parts.up,
                             .mid = parts.mid,
                             .difference = parts.difference,
                             .scale = scaleOf(parts, scalings[network], problem)});
  }
  file.source = std::move(source);
  return file;
}

LoraPartsByLayer readLoraParts(const TensorSource& source) {
  const LoraProblem problem(source, "model");
  LoraPartsByLayer found = groupByLayer(source, problem);
  const std::string_view base = otherBaseOf(source);
  for (const auto& [layer, parts] : found) {
    const std::string shown = quote(parts.name.shown);
    if (!base.empty() && base != kWanBase) problem.fail(c10::str("it was made for ", base, ": ", shown));
    if (!mayBeLoraLayer(parts.name)) problem.fail("there is no layer " + shown);
    if (const std::string lack = lackOf(parts); !lack.empty()) problem.fail(lack);
    if (parts.difference != nullptr) continue;
    const auto hasRank = [](const TensorEntry& factor) {
      return factor.shape.size() >= 2 && factor.numel() > 0;
    };
    if (!hasRank(*parts.down) || !hasRank(*parts.up)) {
      problem.fail(c10::str(shown, " has ", shapesOf(parts), ", which are no factors of a product"));
    }
  }
  for (const char* network : {"unet", "text_encoder"}) LoraScaling::read(source, network);
  return found;
}

std::optional<double> loraAlphaOf(const TensorSource& source, const LoraParts& parts) {
  return alphaOf(parts, LoraProblem(source, "model"));
}

at::Tensor deltaOf(const LoraAdapter& adapter, double scale, at::Device device) {
  const auto& shape = adapter.parameter->shape;
  if (adapter.difference != nullptr) {
    return factor(*adapter.difference, device).mul(adapter.scale * scale).reshape(shape);
  }
  at::Tensor down = factor(*adapter.down, device).flatten(1), up = factor(*adapter.up, device).flatten(1);
  at::Tensor product;
  if (adapter.mid == nullptr) {
    product = at::mm(up, down);
  } else {
    const at::Tensor mid = factor(*adapter.mid, device);                                   // (a, b, h, w)
    const at::Tensor rows = at::mm(up, mid.flatten(1)).view({shape[0], mid.size(1), -1});  // (out, b, h w)
    product = at::matmul(rows.transpose(1, 2), down).transpose(1, 2);                      // (out, in, h w)
  }
  return product.mul_(adapter.scale * scale).reshape(shape);
}

}  // namespace cameo::weights
