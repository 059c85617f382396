#include "weights/ip_adapter.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/paths.h"
#include "weights/identify.h"
#include "weights/names/ip_adapter.h"
#include "weights/open_weights.h"
#include "weights/text.h"

namespace cameo::weights {

namespace fs = std::filesystem;
using ProjectionKind = models::ImageProjectionConfig::Kind;
using nlohmann::json;

namespace {

/// The shapes of a projection's tensors, by their names in `models::IpAdapter`.
class ProjectionShapes {
 public:
  explicit ProjectionShapes(const TensorSource& source) {
    const Layer layer{std::make_shared<const TensorSource>(withKeysAndValuesApart(source)),
                      ipAdapterKeys({})};
    for (const TensorEntry& entry : renamed(layer).entries) {
      if (!entry.name.starts_with(kImageProjection)) continue;
      shapes_[entry.name.substr(kImageProjection.size())] = entry.shape;
    }
  }

  bool has(const std::string& name) const { return shapes_.contains(name); }
  bool anyStarts(const std::string& start) const {
    const auto at = shapes_.lower_bound(start);
    return at != shapes_.end() && at->first.starts_with(start);
  }
  /// 0 where there is no such tensor or dimension.
  int64_t size(const std::string& name, size_t dim) const {
    const auto found = shapes_.find(name);
    return found == shapes_.end() || dim >= found->second.size() ? 0 : found->second[dim];
  }

 private:
  std::map<std::string, std::vector<int64_t>> shapes_;
};

constexpr const char* kEmbeds = "image_embeds.weight";
/// The size of a head of IP-Adapter's resampler.
constexpr int64_t kIpHead = 64;

/// Sizes are 0 where the file lacks what says them.
models::ImageProjectionConfig inferProjection(const ProjectionShapes& shapes, int64_t head_dim) {
  models::ImageProjectionConfig config{.head_dim = head_dim};
  if (shapes.has(kEmbeds)) {
    config.kind = ProjectionKind::Plain;
    config.context_dim = shapes.size("norm.weight", 0);
    config.image_dim = shapes.size(kEmbeds, 1);
    config.tokens = shapes.size(kEmbeds, 0) / std::max<int64_t>(config.context_dim, 1);
  } else if (shapes.has("latents")) {
    config.kind = ProjectionKind::Plus;
    config.tokens = shapes.size("latents", 1);
    config.hidden = shapes.size("latents", 2);
    config.image_dim = shapes.size("proj_in.weight", 1);
    config.context_dim = shapes.size("proj_out.weight", 0);
    config.heads = shapes.size("layers.0.attn.to_q.weight", 0) / head_dim;
    config.feed_forward = shapes.size("layers.0.ff.1.net.0.proj.weight", 0);
    config.layers = 0;
    while (config.layers < Config::kMostLayers && shapes.anyStarts(c10::str("layers.", config.layers, "."))) {
      ++config.layers;
    }
  } else {
    config.kind = ProjectionKind::Full;
    config.image_dim = shapes.size("ff.net.0.proj.weight", 1);
    config.hidden = shapes.size("ff.net.0.proj.weight", 0);
    config.context_dim = shapes.size("ff.net.2.weight", 0);
  }
  return config;
}

bool isComplete(const models::ImageProjectionConfig& config) {
  const auto sizes = {config.image_dim, config.context_dim, config.tokens,      config.hidden,
                      config.layers,    config.heads,       config.feed_forward};
  return std::all_of(sizes.begin(), sizes.end(),
                     [](int64_t size) { return size >= 1 && size <= Config::kMost; });
}

/// Which models have text of so many numbers.
std::string basesOf(int64_t context_dim) {
  if (context_dim == 768) return "for Stable Diffusion 1";
  if (context_dim == 1024) return "for Stable Diffusion 2";
  return context_dim == 2048 ? "for SDXL" : c10::str("for text of ", context_dim, " numbers");
}

/// The one adapter in a folder, whose safetensors file comes before its pickle.
std::string adapterIn(const std::string& folder) {
  std::map<std::string, std::string> by_stem;
  for (const fs::path& place : {fs::path(folder), fs::path(folder) / "models"}) {
    if (!isFolder(place)) continue;
    for (const auto& entry : fs::directory_iterator(place)) {
      const fs::path& file = entry.path();
      const bool is_first_choice = file.extension() == ".safetensors";
      const bool is_adapter = file.filename().string().starts_with("ip-adapter") &&
                              (is_first_choice || file.extension() == ".bin");
      if (!is_adapter || !isFile(file)) continue;
      std::string& taken = by_stem[(file.parent_path() / file.stem()).string()];
      if (taken.empty() || is_first_choice) taken = file.string();
    }
  }
  if (by_stem.size() == 1) return by_stem.begin()->second;
  std::vector<std::string> names;
  for (const auto& [stem, file] : by_stem) names.push_back(fs::relative(file, folder).string());
  failFormat(folder, names.empty() ? "there is no ip-adapter*.safetensors or .bin in it; name the file"
                                   : "there are several adapters in it; name one: " + listNames(names));
}

}  // namespace

std::string unfitIpAdapter(const TensorSource& source) {
  const ProjectionShapes shapes(source);
  const bool is_face_id = shapes.anyStarts("perceiver_resampler.") ||
                          (shapes.has("ff.net.0.proj.weight") &&
                           shapes.size("ff.net.2.weight", 0) > shapes.size("norm.weight", 0));
  const bool has_loras = std::any_of(source.entries.begin(), source.entries.end(), [](const auto& entry) {
    return entry.name.starts_with(kIpAttention) && entry.name.find("_lora.") != std::string::npos;
  });
  if (is_face_id || has_loras) {
    return "it is an IP-Adapter FaceID, which needs InsightFace's identity of a face; take ip-adapter, "
           "-plus, -plus-face or -full-face";
  }
  return isComplete(inferProjection(shapes, kIpHead)) ? "" : "its image projection is of no kind known here";
}

std::string describeIpAdapter(const TensorSource& source) {
  if (!unfitIpAdapter(source).empty()) return "an IP-Adapter of another kind";
  const auto config = inferProjection(ProjectionShapes(source), kIpHead);
  const std::string start = "an IP-Adapter " + basesOf(config.context_dim);
  if (config.kind == ProjectionKind::Full) return start + " (full: all parts of a picture)";
  return c10::str(start, config.kind == ProjectionKind::Plain ? " (plain, " : " (plus, ", config.tokens,
                  " tokens a picture)");
}

IpAdapterFile openIpAdapter(const std::string& path, const std::vector<models::CrossAttention>& attentions) {
  const std::string file = isFolder(path) ? adapterIn(path) : path;
  const auto source = openWeights(file);
  if (!anyStarts(*source, kImageProjection) && !anyStarts(*source, kDiffusersProjection)) {
    failOtherKind(*source, "an IP-Adapter");
  }
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::WeightsMismatch, file + ": " + why);
  };
  const std::string unfit = unfitIpAdapter(*source);
  if (!unfit.empty()) refuse(unfit);
  const auto config = inferProjection(ProjectionShapes(*source), kIpHead);
  for (const models::CrossAttention& attention : attentions) {
    if (attention.context_dim == config.context_dim) continue;
    refuse(c10::str("it is ", describeIpAdapter(*source), ", and this model's text has ",
                    attention.context_dim, " numbers; take one that was made for this base"));
  }
  return {file,
          config,
          {std::make_shared<const TensorSource>(withKeysAndValuesApart(*source)), ipAdapterKeys(attentions)}};
}

std::string imageEncoderOf(const std::string& ip_adapter) {
  const fs::path path(ip_adapter);
  const fs::path folder = isFolder(path) ? path : path.parent_path();
  for (const fs::path& place : {folder / "image_encoder", folder / "models" / "image_encoder"}) {
    if (isFile(place / "config.json")) return place.string();
  }
  return "";
}

models::ImageProjectionConfig imageProjectionOf(const TensorSource& source, int64_t head_dim) {
  const auto config = inferProjection(ProjectionShapes(source), head_dim);
  if (!isComplete(config)) failFormat(source.path, "its image projection is of no kind known here");
  return config;
}

Component openImageEncoder(const std::string& folder, Weights weights) {
  Component encoder = openFolder(folder, "the image encoder", clipVisionKey, weights);
  if (encoder.config.contains("vision_config") && encoder.config["vision_config"].is_object()) {
    json vision = encoder.config["vision_config"];
    if (encoder.config.contains("projection_dim"))
      vision["projection_dim"] = encoder.config["projection_dim"];
    encoder.config = vision;
  }
  return encoder;
}

}  // namespace cameo::weights
