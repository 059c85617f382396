#include "weights/names/wan_vae.h"

#include <c10/util/StringUtil.h>

#include <unordered_set>

#include "core/config.h"

namespace cameo::weights {

namespace {

NameTable wanResnetNames() {
  NameTable names;
  names.add("residual.0", "norm1");
  names.add("residual.2", "conv1");
  names.add("residual.3", "norm2");
  names.add("residual.6", "conv2");
  names.add("shortcut", "conv_shortcut");
  return names;
}

NameTable namesThatStay(std::initializer_list<const char*> modules) {
  NameTable names;
  for (const char* same : modules) names.add(same, same);
  return names;
}

}  // namespace

NameTable wanVaeNames(const TensorSource& source) {
  std::unordered_set<std::string_view> all;
  for (const TensorEntry& entry : source.entries) all.insert(entry.name);
  const auto isResnet = [&](int64_t i) {
    return all.contains(c10::str("encoder.downsamples.", i, ".residual.2.weight"));
  };
  int64_t layers = 0;
  while (layers <= Config::kMostLayers && isResnet(layers)) ++layers;

  const NameTable resnet = wanResnetNames(), attention = namesThatStay({"norm", "to_qkv", "proj"}),
                  resample = namesThatStay({"resample.1", "time_conv"});
  NameTable names;
  names.add("conv1", "quant_conv");
  names.add("conv2", "post_quant_conv");
  for (const std::string half : {"encoder.", "decoder."}) {
    names.add(half + "conv1", half + "conv_in");
    names.add(half + "head.0", half + "norm_out");
    names.add(half + "head.2", half + "conv_out");
    names.addAll(resnet, half + "middle.0.", half + "mid_block.resnets.0.");
    names.addAll(attention, half + "middle.1.", half + "mid_block.attentions.0.");
    names.addAll(resnet, half + "middle.2.", half + "mid_block.resnets.1.");
  }
  // The decoder has a layer more in each block, and one that doubles after it.
  const int64_t in_block = layers + 2, most = static_cast<int64_t>(Config::kMostEntries) * in_block;
  for (int64_t i = 0; i < most; ++i) {
    const std::string down = c10::str("encoder.downsamples.", i, "."),
                      down_block = c10::str("encoder.down_blocks.", i, "."),
                      up = c10::str("decoder.upsamples.", i, "."),
                      up_block = c10::str("decoder.up_blocks.", i / in_block, ".");
    names.addAll(resnet, down, down_block);
    names.addAll(resample, down, down_block);
    if (i % in_block <= layers) {
      names.addAll(resnet, up, c10::str(up_block, "resnets.", i % in_block, "."));
    } else {
      names.addAll(resample, up, up_block + "upsamplers.0.");
    }
  }
  return names;
}

}  // namespace cameo::weights
