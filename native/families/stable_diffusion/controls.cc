#include "families/stable_diffusion/controls.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "core/rng.h"
#include "families/stable_diffusion/control_conditioner.h"
#include "families/stable_diffusion/stable_diffusion.h"
#include "pipeline/device_visit.h"
#include "pipeline/edges.h"
#include "pipeline/pixels.h"

namespace cameo::families {

using pipeline::ControlOptions, pipeline::RgbImage, pipeline::SampleRequest;

namespace {

[[noreturn]] void refuseControl(const std::string& message) {
  throw Error(ErrorCode::InvalidOption, message);
}

std::string listOf(const std::vector<int64_t>& numbers) {
  return c10::str("(", c10::Join(", ", numbers), ")");
}

std::string picturesName(size_t index) {
  return c10::str("controls.", index);
}

/// The pixels of frames that lie after one another, in 0..1, (1, 3, H, W).
at::Tensor pixelsOf(const RgbImage& image) {
  return (pipeline::imageToTensor(image.data.data(), image.width, image.height) + 1) / 2;
}

/// Each level halves the size and comes back to it, so that less of the structure is left.
at::Tensor blurred(const at::Tensor& pixels, int64_t levels) {
  if (levels == 0) return pixels;
  const int64_t height = pixels.size(2), width = pixels.size(3);
  const auto smaller = [&](int64_t side) { return std::max<int64_t>(1, side >> levels); };
  const at::Tensor small =
      at::_upsample_bilinear2d_aa(pixels, {smaller(height), smaller(width)}, /*align_corners=*/false);
  return at::upsample_bilinear2d(small, {height, width}, /*align_corners=*/false);
}

/// What a ControlNet makes of its frames, (F, C, h, w): of one at a time, as pixels are large.
at::Tensor embedFrames(const StableDiffusion& model, const models::ControlNet& control,
                       const std::vector<RgbImage>& frames, const ControlOptions& options,
                       int64_t structure) {
  std::vector<at::Tensor> embedded;
  for (const RgbImage& frame : frames) {
    const at::Tensor pixels =
        options.computes_edges ? pipeline::edgesOf(frame, options.edges) : pixelsOf(frame);
    embedded.push_back(control.embed(blurred(pixels, structure).to(model.device, model.dtype)));
  }
  return at::cat(embedded);
}

/// What SparseCtrl sees of the keyframes, (K, C, h, w): pixels, or latents that are drawn of their posterior.
at::Tensor keyframeConditions(const StableDiffusion& model, const models::ControlNet& control,
                              const SampleRequest& request) {
  std::vector<at::Tensor> conditions;
  if (!control.config().takesLatents()) {
    for (const RgbImage& picture : request.picturesOf("keyframes")) conditions.push_back(pixelsOf(picture));
    return at::cat(conditions);
  }
  const pipeline::LatentCodec& codec = model.codec();
  const pipeline::DeviceVisit visit(codec.network().parameters, model.device);
  const at::Generator generator = makeGenerator(request.seed, RandomStream::KeyframePosterior);
  const int64_t height = request.height / codec.stride(), width = request.width / codec.stride();
  for (const RgbImage& picture : request.picturesOf("keyframes")) {
    const at::Tensor pixels = pipeline::imageToTensor(picture.data.data(), picture.width, picture.height);
    const at::Tensor noise = drawNormal({1, codec.channels(), height, width}, generator);
    conditions.push_back(codec.encode(pixels, request.vae_tiling, noise).latents);
  }
  return at::cat(conditions);
}

/// Of all frames, (F, C, h, w): those without a condition share what the network makes of none.
at::Tensor embedKeyframes(const StableDiffusion& model, const models::ControlNet& control,
                          const at::Tensor& conditions, const SampleRequest& request) {
  const auto embed = [&](const at::Tensor& condition, double shown) {
    const at::Tensor there = condition.to(model.device, model.dtype);
    return control.embed(there, at::full_like(there.slice(1, 0, 1), shown));
  };
  const at::Tensor none = embed(at::zeros_like(conditions.slice(0, 0, 1)), 0);
  std::vector<at::Tensor> embedded(static_cast<size_t>(request.frames), none);
  for (size_t i = 0; i < request.keyframes.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    embedded[static_cast<size_t>(request.keyframes[i])] = embed(conditions.slice(0, row, row + 1), 1);
  }
  return at::cat(embedded);
}

/// (1, F, C, h, w) of the keyframes' conditions, for who looks at them.
at::Tensor overFrames(const at::Tensor& conditions, const SampleRequest& request) {
  std::vector<int64_t> shape = conditions.sizes().vec();
  shape[0] = request.frames;
  const at::Tensor all = at::zeros(shape, conditions.options());
  all.index_copy_(0, at::tensor(request.keyframes, at::kLong).to(all.device()), conditions);
  return all.unsqueeze(0);
}

void checkFramesOf(const SampleRequest& request, size_t index) {
  const ControlOptions& control = request.controls[index];
  const std::string name = c10::str("controls ", index + 1);
  const auto frames = static_cast<int64_t>(request.picturesOf(picturesName(index)).size());
  if (frames != request.frames) {
    refuseControl(c10::str(name, ": it has ", frames, " frames and the film ", request.frames,
                           "; give as many as the option frames says"));
  }
  if (control.range.from > control.range.to || control.range.from < 0 || control.range.to > 1) {
    refuseControl(name + ": from and to must be from 0 to 1, in rising order");
  }
}

void checkKeyframes(const SampleRequest& request, bool has_network) {
  const size_t count = request.picturesOf("keyframes").size();
  if (count != request.keyframes.size()) refuseControl("keyframes: a picture is needed for each frame");
  if (has_network == (count > 0)) {
    const std::set<int64_t> frames(request.keyframes.begin(), request.keyframes.end());
    if (frames.size() < count) refuseControl("keyframes: a frame is there twice");
    if (count == 0 || (*frames.begin() >= 0 && *frames.rbegin() < request.frames)) return;
    refuseControl(c10::str("keyframes: the film has the frames 0 to ", request.frames - 1));
  }
  refuseControl(
      has_network ? "keyframes is missing: SparseCtrl is loaded, which needs a picture of at least one frame"
                  : "keyframes: no SparseCtrl network is loaded; load one with `controls`");
}

}  // namespace

void requireFittingControl(const StableDiffusion& model, const models::ControlNet& control,
                           const std::string& path) {
  const models::UNetConfig& own = control.config().unet;
  const models::UNetConfig& base = model.unet->config();
  const auto mismatch = [&](const std::string& what) {
    throw Error(ErrorCode::WeightsMismatch, c10::str(path, ": it was made for another base model: ", what));
  };
  const auto requireSame = [&](const char* name, const std::vector<int64_t>& mine,
                               const std::vector<int64_t>& bases) {
    if (mine != bases) mismatch(c10::str(name, " is ", listOf(mine), " here and ", listOf(bases), " there"));
  };
  requireSame("block_out_channels", own.block_out_channels, base.block_out_channels);
  requireSame("layers_per_block", own.layers_per_block, base.layers_per_block);
  const int64_t latents = model.vae->config().latent_channels;
  if (own.in_channels != latents) {
    mismatch(c10::str("it sees latents of ", own.in_channels, " channels, and the VAE has ", latents));
  }
  for (const int64_t dim : own.cross_attention_dim) {
    if (dim == model.text_encoder->config().hidden_size) continue;
    mismatch(c10::str("it reads text of ", dim, " channels, and the text encoder gives ",
                      model.text_encoder->config().hidden_size));
  }
  const int64_t stride = control.config().stride(), pixels = model.vae->config().scale();
  if (!control.config().takesLatents() && stride != pixels) {
    mismatch(c10::str("its frames are ", stride, " times as large as its latents, and the VAE's ", pixels));
  }
  if (control.config().isSparse() && !base.motion) {
    refuseControl(c10::str("controls: ", path,
                           " is a SparseCtrl network, which needs motion modules; name their folder with "
                           "`motion`"));
  }
}

void checkControls(const StableDiffusion& model, const SampleRequest& request) {
  const auto sparse = std::count_if(model.controls.begin(), model.controls.end(),
                                    [](const auto& control) { return control->config().isSparse(); });
  const auto networks = static_cast<size_t>(static_cast<int64_t>(model.controls.size()) - sparse);
  if (request.controls.size() != networks) {
    refuseControl(c10::str("controls: ", request.controls.size(), " are given, and ", networks,
                           " ControlNets are loaded, each of which needs frames"));
  }
  for (size_t i = 0; i < networks; ++i) checkFramesOf(request, i);
  checkKeyframes(request, sparse > 0);
  if (request.temporal_guidance && !model.unet->config().motion) {
    refuseControl("temporalGuidance: there are no motion modules; load some with `motion`");
  }
}

void addControls(const StableDiffusion& model, const SampleRequest& request, Conditions& conditions,
                 pipeline::Recorder& recorder) {
  size_t index = 0;
  for (const auto& control : model.controls) {
    at::Tensor embedded;
    ControlOptions options{.scale = request.keyframe_scale, .range = {0, 1}, .guess = false};
    if (control->config().isSparse()) {
      const at::Tensor shown = keyframeConditions(model, *control, request);
      recorder.addVideo("keyframe_conditions", overFrames(shown, request));
      const pipeline::DeviceVisit visit(control->parameters(), model.device);
      embedded = embedKeyframes(model, *control, shown, request);
    } else {
      const pipeline::DeviceVisit visit(control->parameters(), model.device);
      const auto& frames = request.picturesOf(picturesName(index));
      options = request.controls[index++];
      embedded = embedFrames(model, *control, frames, options, request.structure);
    }
    conditions.others.push_back(
        std::make_unique<ControlConditioner>(model, *control, options, embedded, conditions.unconditional));
  }
}

}  // namespace cameo::families
