#include "weights/film_vae.h"

#include <c10/util/StringUtil.h>

#include <filesystem>

#include "core/paths.h"
#include "weights/identify.h"
#include "weights/key_maps.h"
#include "weights/names/tensor_shapes.h"
#include "weights/names/wan_vae.h"
#include "weights/open_weights.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

using nlohmann::json;

/// How many times as many channels as `base` there are.
int64_t factorOf(const TensorShapes& shapes, int64_t channels, int64_t base) {
  if (channels % base == 0) return channels / base;
  failFormat(shapes.path(),
             c10::str("a block of this VAE has ", channels, " channels, which is no multiple of ", base,
                      ", the first one's; get it again"));
}

/// What a file with the released code's names says in its tensors, as diffusers would write it.
json inferWanVaeConfig(const Layer& vae) {
  const TensorShapes shapes(vae);
  const int64_t base = shapes.size("encoder.conv_in.weight", 0);
  json factors = json::array(), halves = json::array();
  int64_t layers = 0;
  for (int64_t i = 0; i < shapes.count("encoder.down_blocks."); ++i) {
    const std::string block = c10::str("encoder.down_blocks.", i, ".");
    if (!shapes.any(block + "resample.")) {
      if (halves.empty()) ++layers;
      continue;
    }
    factors.push_back(factorOf(shapes, shapes.size(block + "resample.1.weight", 0), base));
    halves.push_back(shapes.any(block + "time_conv."));
  }
  factors.push_back(factorOf(shapes, shapes.size("encoder.norm_out.gamma", 0), base));
  return {{"_class_name", kWanVaeClass},
          {"base_dim", base},
          {"decoder_base_dim", shapes.size("decoder.norm_out.gamma", 0) / factors.front().get<int64_t>()},
          {"z_dim", shapes.size("post_quant_conv.weight", 0)},
          {"dim_mult", factors},
          {"num_res_blocks", layers},
          {"temperal_downsample", halves}};
}

}  // namespace

Component openFilmVae(const std::string& path, Weights weights, const char* class_name) {
  if (!isFile(path)) return openFolder(path, "the VAE", vaeKey, weights, class_name);
  const auto source = openWeights(path);
  if (class_name == std::string_view(kWanVaeClass) && anyStarts(*source, kWanVaeMiddle)) {
    const Layer layer{source,
                      [names = wanVaeNames(*source)](std::string_view key) -> std::optional<std::string> {
                        return names.toOurs(key).value_or(std::string(key));
                      }};
    return {path, inferWanVaeConfig(layer), {layer}};
  }
  if (!anyStarts(*source, "encoder.")) failOtherKind(*source, "a VAE");
  const std::string beside = (std::filesystem::path(path).parent_path() / "config.json").string();
  const json config = readJsonIfThere(beside);
  if (config.value("_class_name", json()) == class_name) return {path, config, {{source, vaeKey}}};
  failFormat(
      path,
      c10::str("a VAE over time in a file needs its config beside it: put the config.json of its folder, of ",
               class_name, ", there"));
}

}  // namespace cameo::weights
