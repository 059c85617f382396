#include "families/wan/phantom.h"

#include <ATen/ATen.h>
#include <c10/util/StringUtil.h>

#include <utility>

#include "core/error.h"
#include "families/wan/wan_denoiser.h"
#include "families/whole_model.h"
#include "pipeline/film.h"
#include "pipeline/pixels.h"
#include "pipeline/resample.h"

namespace cameo::families {

using pipeline::SampleRequest;

namespace {

constexpr int64_t kMostReferences = 4;  // with which it was trained
/// How far guidance goes for the prompt and for the pictures where nothing is said, as in the released code.
constexpr double kPhantomGuidance = 7.5, kPhantomImageGuidance = 5;

/// A way of conditioning.
struct Branch {
  bool has_references;
  bool has_prompt;  // else the negative one
};

/// Where two scales are the same, or guidance goes no further than a branch, it is not computed.
std::vector<Branch> branchesOf(const SampleRequest& request) {
  const Branch nothing{false, false}, pictures{true, false}, all{true, true};
  const double of_pictures = request.image_guidance_scale, of_text = request.guidance_scale;
  if (request.guidance_range.from >= request.guidance_range.to) return {all};
  if (of_pictures == of_text) return of_text == 1 ? std::vector{all} : std::vector{nothing, all};
  return of_pictures == 1 ? std::vector{pictures, all} : std::vector{nothing, pictures, all};
}

/// Where the film ends, each branch has the references' latents, as they are without noise, or zeros.
class PhantomDenoiser : public WanDenoiser {
 public:
  PhantomDenoiser(const Wan& model, models::WanReads texts, at::Tensor reads, std::vector<Branch> branches,
                  at::Tensor references)
      : WanDenoiser(model, std::move(texts), std::move(reads)),
        branches_(std::move(branches)),
        references_(std::move(references)) {}

  at::Tensor input(const pipeline::FrameWindow& window) override {
    const at::Tensor latents = WanDenoiser::input(window).contiguous();
    const int64_t count = references_.size(1), first = latents.size(1) - count;
    const int64_t left_out = std::ssize(branches_) - latents.size(0);
    for (int64_t row = 0; row < latents.size(0); ++row) {
      const at::Tensor slots = latents[row].narrow(0, first, count);
      if (branches_[left_out + row].has_references) {
        slots.copy_(references_[0]);
      } else {
        slots.zero_();
      }
    }
    return latents;
  }

 private:
  std::vector<Branch> branches_;
  at::Tensor references_;  // (1, R, C, h, w)
};

}  // namespace

void Phantom::describeOwn() {
  Wan::describeOwn();
  description["subject"] = description["imageGuidance"] = true;
  description["referenceSize"] = "own";
  description["defaults"]["guidanceScale"] = kPhantomGuidance;
  description["defaults"]["imageGuidanceScale"] = kPhantomImageGuidance;
}

void Phantom::check(const SampleRequest& request) const {
  const auto refuse = [](const std::string& message) { throw Error(ErrorCode::InvalidOption, message); };
  refuseOtherRequests(request,
                      "this model makes a film of a prompt and of pictures of subjects; leave it out",
                      {"reference", "context"});
  text->check(request);
  const int64_t count = request.referenceCount();
  if (count < 1 || count > kMostReferences) {
    refuse(
        c10::str("reference: ", count, " pictures are not allowed; this model takes 1 to ", kMostReferences));
  }
  if (request.reference_noise > 0) refuse("referenceNoise: this model sees its references without noise");
  checkPlaces(request);
}

std::vector<pipeline::GuidanceScale> Phantom::guidanceScales(const SampleRequest& request) const {
  switch (branchesOf(request).size()) {
    case 1:
      return {};
    case 2:
      return {request.guidance_scale};
    default:
      return {request.image_guidance_scale, request.guidance_scale};
  }
}

at::Tensor Phantom::referenceLatents(const SampleRequest& request,
                                     const std::function<void()>& onEach) const {
  const auto& references = request.picturesOf("reference");
  const auto key = pipeline::EncodingKey()
                       .add(references)
                       .add(std::vector<int64_t>{request.width, request.height})
                       .add(request.vae_tiling);
  const auto pixels = [&](int64_t i) {
    const pipeline::RgbImage fitted = pipeline::fitOnWhite(references[i], request.width, request.height);
    return pipeline::imageToTensor(fitted.data.data(), fitted.width, fitted.height);
  };
  return pipeline::encodedOnce(
             request, "references", key,
             [&]() -> std::vector<at::Tensor> {
               return {pipeline::encodePictures(*this, request, std::ssize(references), pixels, {}, onEach)};
             })
      .front()
      .unsqueeze(0);
}

std::unique_ptr<pipeline::Denoiser> Phantom::denoiser(const SampleRequest& request, const pipeline::Start&,
                                                      const samplers::NoiseSchedule&,
                                                      const pipeline::OnProgress& onProgress,
                                                      pipeline::Recorder& recorder) const {
  const int64_t steps = 1 + request.referenceCount();
  int64_t done = 0;
  const auto onEach = [&] { onProgress({pipeline::Phase::Encode, ++done, steps, {}}); };
  const at::Tensor both = text->encode(request, recorder);
  onEach();
  const at::Tensor references = referenceLatents(request, onEach);
  while (done < steps) onEach();
  recorder.addVideo("reference_latents", references);
  const std::vector<Branch> branches = branchesOf(request);
  // Each text is read once, whatever the branches that see it.
  const int64_t first = branches.front().has_prompt ? 1 : 0;
  std::vector<int64_t> reads;
  for (const Branch& branch : branches) reads.push_back((branch.has_prompt ? 1 : 0) - first);
  return std::make_unique<PhantomDenoiser>(*this, readTexts(both.slice(0, first)),
                                           at::tensor(reads, at::kLong), branches, references);
}

}  // namespace cameo::families
