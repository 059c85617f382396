#include "weights/names/ldm_vae.h"

#include <c10/util/StringUtil.h>

#include <unordered_set>
#include <utility>

#include "core/config.h"

namespace cameo::weights {

namespace {

NameTable vaeResnetNames() {
  NameTable names;
  for (const char* same : {"norm1", "conv1", "norm2", "conv2"}) names.add(same, same);
  names.add("nin_shortcut", "conv_shortcut");
  return names;
}

NameTable vaeAttentionNames() {
  NameTable names;
  names.add("norm", "group_norm");
  names.add("q", "to_q");
  names.add("k", "to_k");
  names.add("v", "to_v");
  names.add("proj_out", "to_out.0");
  return names;
}

/// Of a layer over space and one over time that are blended.
NameTable blendedResnetNames() {
  NameTable names, over_time;
  over_time.add("in_layers.0", "norm1");
  over_time.add("in_layers.2", "conv1");
  over_time.add("out_layers.0", "norm2");
  over_time.add("out_layers.3", "conv2");
  names.addAll(vaeResnetNames(), "", "spatial_res_block.");
  names.addAll(over_time, "time_stack.", "temporal_res_block.");
  names.add("mix_factor", "time_mixer.mix_factor");
  return names;
}

NameTable vaeNames(int64_t blocks, int64_t layers, const NameTable& decoder_resnet) {
  const NameTable encoder_resnet = vaeResnetNames(), attention = vaeAttentionNames();
  NameTable names;
  for (const std::string half : {"encoder.", "decoder."}) {
    const NameTable& resnet = half == "encoder." ? encoder_resnet : decoder_resnet;
    for (const char* same : {"conv_in", "conv_out"}) names.add(half + same, half + same);
    names.add(half + "norm_out", half + "conv_norm_out");
    names.addAll(resnet, half + "mid.block_1.", half + "mid_block.resnets.0.");
    names.addAll(attention, half + "mid.attn_1.", half + "mid_block.attentions.0.");
    names.addAll(resnet, half + "mid.block_2.", half + "mid_block.resnets.1.");
  }
  for (int64_t block = 0; block < blocks; ++block) {
    const std::string down = c10::str("encoder.down.", block, "."),
                      down_blocks = c10::str("encoder.down_blocks.", block, "."),
                      up = c10::str("decoder.up.", blocks - 1 - block, "."),
                      up_blocks = c10::str("decoder.up_blocks.", block, ".");
    for (int64_t layer = 0; layer <= layers; ++layer) {
      const std::string theirs = c10::str("block.", layer, "."), ours = c10::str("resnets.", layer, ".");
      if (layer < layers) names.addAll(encoder_resnet, down + theirs, down_blocks + ours);
      names.addAll(decoder_resnet, up + theirs, up_blocks + ours);
    }
    names.add(down + "downsample.conv", down_blocks + "downsamplers.0.conv");
    names.add(up + "upsample.conv", up_blocks + "upsamplers.0.conv");
  }
  for (const char* same : {"quant_conv", "post_quant_conv"}) names.add(same, same);
  return names;
}

/// How many blocks an encoder has, and layers each.
std::pair<int64_t, int64_t> vaeBlocks(const TensorSource& source, std::string_view start) {
  std::unordered_set<std::string_view> names;
  for (const TensorEntry& entry : source.entries) names.insert(entry.name);
  const auto has = [&](int64_t block, int64_t layer) {
    const std::string name = c10::str(start, "encoder.down.", block, ".block.", layer, ".conv1.weight");
    return names.contains(name);
  };
  // No more than a config may have: names are made for every layer of every block.
  int64_t blocks = 0, layers = 0;
  while (blocks <= static_cast<int64_t>(Config::kMostEntries) && has(blocks, 0)) ++blocks;
  while (layers <= Config::kMostLayers && has(0, layers)) ++layers;
  return {blocks, layers};
}

}  // namespace

NameTable ldmVaeNames(int64_t blocks, int64_t layers) {
  return vaeNames(blocks, layers, vaeResnetNames());
}

NameTable ldmVaeNames(const TensorSource& source, std::string_view start) {
  const auto [blocks, layers] = vaeBlocks(source, start);
  return ldmVaeNames(blocks, layers);
}

NameTable ldmTemporalVaeNames(const TensorSource& source, std::string_view start) {
  const auto [blocks, layers] = vaeBlocks(source, start);
  NameTable names = vaeNames(blocks, layers, blendedResnetNames());
  names.add("decoder.conv_out.time_mix_conv", "decoder.time_conv_out");
  return names;
}

}  // namespace cameo::weights
