#include "weights/names/ldm_unet.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <set>

#include "weights/text.h"

namespace cameo::weights {

namespace {

/// So spelled in the files.
constexpr const char* kLdmTemporalConv = "temopral_conv";
constexpr const char *kLdmBlended = "time_stack", *kLdmMixer = "time_mixer";

NameTable unetResnetNames() {
  NameTable names;
  names.add("in_layers.0", "norm1");
  names.add("in_layers.2", "conv1");
  names.add("emb_layers.1", "time_emb_proj");
  names.add("out_layers.0", "norm2");
  names.add("out_layers.3", "conv2");
  names.add("skip_connection", "conv_shortcut");
  return names;
}

/// The modules of a file's blocks: "input_blocks.1.0.in_layers", ...
class Modules {
 public:
  Modules(const TensorSource& source, std::string_view start) : path_(source.path) {
    for (const TensorEntry& entry : source.entries) {
      std::string_view name = entry.name;
      if (name.starts_with(start)) names_.insert(name.substr(start.size()));
    }
  }

  bool any(const std::string& start) const {
    const auto found = names_.lower_bound(start);
    return found != names_.end() && found->starts_with(start);
  }
  [[noreturn]] void fail(const std::string& block) const {
    failFormat(path_, "its UNet is built as no Stable Diffusion 1.5 model's is, at " + quote(block));
  }

 private:
  std::string path_;
  std::set<std::string_view, std::less<>> names_;
};

/// The blocks of one way: what each has of attention, and how many layers.
struct Way {
  std::vector<bool> attention;
  std::vector<int64_t> layers;
};

/// `isLast`: whether the layer at that place is followed by one of another size.
template <typename IsLast>
Way readWay(const Modules& modules, const std::string& name, int64_t first, const IsLast& isLast) {
  Way way{{false}, {0}};
  for (int64_t i = first; modules.any(c10::str(name, i, ".")); ++i) {
    const std::string place = c10::str(name, i, ".");
    const bool is_layer = modules.any(place + "0.in_layers.");
    const bool has_attention = modules.any(place + "1.norm.");
    if (is_layer) {
      if (way.layers.back() > 0 && way.attention.back() != has_attention) modules.fail(place);
      ++way.layers.back();
      way.attention.back() = has_attention;
    }
    if (!isLast(place)) {
      if (!is_layer) modules.fail(place);
      continue;
    }
    way.layers.push_back(0);
    way.attention.push_back(false);
  }
  return way;
}

bool allHave(const Way& way, int64_t layers) {
  return std::all_of(way.layers.begin(), way.layers.end(), [&](int64_t count) { return count == layers; });
}

Way readWayDown(const Modules& modules) {
  Way down = readWay(modules, "input_blocks.", 1,
                     [&](const std::string& place) { return modules.any(place + "0.op."); });
  if (!allHave(down, down.layers.front())) modules.fail("input_blocks");
  return down;
}

}  // namespace

UNetBlocks diffusersUNetBlocks(const std::function<bool(const std::string& layer)>& has) {
  UNetBlocks blocks;
  for (size_t i = 0; has(c10::str("down_blocks.", i, ".resnets.0.conv1")); ++i) {
    blocks.down_attention.push_back(has(c10::str("down_blocks.", i, ".attentions.0.proj_in")));
    blocks.up_attention.push_back(has(c10::str("up_blocks.", i, ".attentions.0.proj_in")));
  }
  for (blocks.layers = 0; has(c10::str("down_blocks.0.resnets.", blocks.layers, ".conv1"));) ++blocks.layers;
  return blocks;
}

NameTable ldmUNetNames(const UNetBlocks& blocks) {
  NameTable names;
  const NameTable resnet = unetResnetNames();
  const bool after = blocks.over_time == OverTime::After, blended = blocks.over_time == OverTime::Blended;
  const auto addResnet = [&](const std::string& theirs, const std::string& ours) {
    if (!blended) return names.addAll(resnet, theirs, ours);
    names.addAll(resnet, theirs, ours + "spatial_res_block.");
    names.addAll(resnet, theirs + kLdmBlended + ".", ours + "temporal_res_block.");
    names.add(theirs + kLdmMixer, ours + kLdmMixer);
  };
  const auto addLayer = [&](const std::string& theirs, const std::string& ours, int64_t layer,
                            bool attention) {
    const std::string number = c10::str(layer);
    addResnet(theirs + "0.", ours + "resnets." + number + ".");
    if (attention) names.add(theirs + "1", ours + "attentions." + number);
    if (attention && blended) {
      const std::string there = theirs + "1.", here = ours + "attentions." + number + ".";
      names.add(there + kLdmBlended, here + "temporal_transformer_blocks");
      names.add(there + "time_pos_embed.0", here + "time_pos_embed.linear_1");
      names.add(there + "time_pos_embed.2", here + "time_pos_embed.linear_2");
    }
    if (!after) return;
    names.add(theirs + "0." + kLdmTemporalConv, ours + "temp_convs." + number);
    if (attention) names.add(theirs + "2", ours + "temp_attentions." + number);
  };
  names.add("time_embed.0", "time_embedding.linear_1");
  names.add("time_embed.2", "time_embedding.linear_2");
  if (blended) {
    names.add("label_emb.0.0", "add_embedding.linear_1");
    names.add("label_emb.0.2", "add_embedding.linear_2");
  }
  names.add("input_blocks.0.0", "conv_in");
  const size_t count = blocks.down_attention.size();
  int64_t place = 1;
  for (size_t block = 0; block < count; ++block) {
    const std::string ours = c10::str("down_blocks.", block, ".");
    for (int64_t layer = 0; layer < blocks.layers; ++layer, ++place) {
      addLayer(c10::str("input_blocks.", place, "."), ours, layer, blocks.down_attention[block]);
    }
    if (block + 1 == count) break;
    names.add(c10::str("input_blocks.", place++, ".0.op"), ours + "downsamplers.0.conv");
  }
  addLayer("middle_block.", "mid_block.", 0, true);
  const std::string last = after ? "middle_block.3." : "middle_block.2.";
  addResnet(last, "mid_block.resnets.1.");
  if (after) names.add(last + kLdmTemporalConv, "mid_block.temp_convs.1");
  place = 0;
  for (size_t block = 0; block < count; ++block) {
    const std::string ours = c10::str("up_blocks.", block, ".");
    const bool attention = blocks.up_attention[block];
    for (int64_t layer = 0; layer <= blocks.layers; ++layer, ++place) {
      addLayer(c10::str("output_blocks.", place, "."), ours, layer, attention);
    }
    if (block + 1 == count) break;
    const int64_t upsampler = 1 + (attention ? 1 + (after ? 1 : 0) : 0);
    names.add(c10::str("output_blocks.", place - 1, ".", upsampler, ".conv"), ours + "upsamplers.0.conv");
  }
  names.add("out.0", "conv_norm_out");
  names.add("out.2", "conv_out");
  return names;
}

UNetBlocks ldmWayDown(const TensorSource& source, std::string_view start) {
  const Modules modules(source, start);
  const Way down = readWayDown(modules);
  return {down.attention, std::vector<bool>(down.attention.size()), down.layers.front()};
}

UNetBlocks ldmUNetBlocks(const TensorSource& source, std::string_view start) {
  const Modules modules(source, start);
  const Way down = readWayDown(modules);
  const Way up = readWay(modules, "output_blocks.", 0, [&](const std::string& place) {
    return modules.any(place + "1.conv.") || modules.any(place + "2.conv.") || modules.any(place + "3.conv.");
  });
  const std::string middle = "middle_block.0.";
  const OverTime over_time = modules.any(middle + kLdmTemporalConv + ".") ? OverTime::After
                             : modules.any(middle + kLdmBlended + ".")    ? OverTime::Blended
                                                                          : OverTime::Nothing;
  const UNetBlocks blocks{down.attention, up.attention, down.layers.front(), over_time};
  const bool is_mirrored = up.layers.size() == down.layers.size() && allHave(up, blocks.layers + 1);
  if (!is_mirrored) modules.fail("output_blocks");
  return blocks;
}

KeyMap ldmUNetKeys(const TensorSource& source) {
  return [names = ldmUNetNames(ldmUNetBlocks(source, kLdmUNet))](
             std::string_view key) -> std::optional<std::string> {
    if (!key.starts_with(kLdmUNet)) return std::nullopt;
    key.remove_prefix(kLdmUNet.size());
    return names.toOurs(key).value_or(std::string(key));
  };
}

}  // namespace cameo::weights
