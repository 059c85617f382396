#include "families/latte/latte.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <algorithm>

#include "core/error.h"
#include "families/latte/latte_denoiser.h"
#include "families/whole_model.h"

namespace cameo::families {

std::vector<pipeline::Network> Latte::networks() const {
  std::vector<pipeline::Network> networks;
  if (text) networks.push_back(text->network());
  networks.push_back({"transformer", transformer->parameters(), dtype, /*denoises=*/true});
  networks.push_back(vae_codec->network());
  return networks;
}

void Latte::check(const pipeline::SampleRequest& request) const {
  const models::LatteConfig& config = transformer->config();
  refuseOtherRequests(request, "this model makes a film of a prompt alone; leave it out", {});
  text->check(request);
  if (request.frames != config.frames && request.frames != 1) {
    throw Error(ErrorCode::InvalidOption,
                c10::str("frames: ", request.frames, " is not allowed; this model makes ", config.frames,
                         " frames, or 1"));
  }
  const int64_t side = vae_codec->stride() * config.patch;
  for (const auto& [name, pixels] : {std::pair{"width", request.width}, {"height", request.height}}) {
    if (pixels % side == 0) continue;
    throw Error(ErrorCode::InvalidOption,
                c10::str(name, ": ", pixels, " is not allowed; it must be a multiple of ", side));
  }
}

std::vector<pipeline::GuidanceScale> Latte::guidanceScales(const pipeline::SampleRequest& request) const {
  return promptGuidance(request);
}

int64_t Latte::largestTensor(const pipeline::SampleRequest& request) const {
  const models::LatteConfig& config = transformer->config();
  const int64_t side = vae_codec->stride() * config.patch;
  return request.frames * (request.width / side) * (request.height / side) * config.dim();
}

std::unique_ptr<pipeline::Denoiser> Latte::denoiser(const pipeline::SampleRequest& request,
                                                    const pipeline::Start&, const samplers::NoiseSchedule&,
                                                    const pipeline::OnProgress& onProgress,
                                                    pipeline::Recorder& recorder) const {
  const at::Tensor both = text->encode(request, recorder);
  onProgress({pipeline::Phase::Encode, 1, 1, {}});
  const int64_t first = guidanceScales(request).empty() ? 1 : 0;
  return std::make_unique<LatteDenoiser>(*this, both.slice(0, first));
}

}  // namespace cameo::families
