#include "families/stable_diffusion/conditioning.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "core/rng.h"
#include "families/clip_prompts.h"
#include "pipeline/device_visit.h"
#include "pipeline/encodings.h"
#include "pipeline/pixels.h"

namespace cameo::families {

namespace {

void checkWords(const StableDiffusion& model, const pipeline::SampleRequest& request) {
  if (request.words.size() != request.subjects.size()) {
    throw Error(ErrorCode::InvalidOption, "words: there must be as many as subjects");
  }
  for (size_t i = 0; i < request.words.size(); ++i) {
    const pipeline::PromptTokens& words = request.words[i];
    if (!words.ids.empty()) checkPrompt(*model.text_encoder, c10::str("subjects[", i, "].words"), words);
  }
}

at::Tensor encode(const StableDiffusion& model, const at::Tensor& ids, int64_t skipped = 0) {
  // An encoder that is being trained computes in its masters' fp32.
  return model.text_encoder->forward(ids.to(model.device), skipped).to(model.dtype);
}

/// The states of each frame (F, S, D), of those of the prompts that hold `at` some of them.
at::Tensor overTime(const at::Tensor& prompts, const std::vector<int64_t>& at, int64_t frames) {
  std::vector<at::Tensor> result;
  for (int64_t frame = 0; frame < frames; ++frame) {
    const auto next = std::upper_bound(at.begin(), at.end(), frame) - at.begin();
    if (next == static_cast<int64_t>(at.size())) {
      result.push_back(prompts[next - 1]);
      continue;
    }
    const double way =
        static_cast<double>(frame - at[next - 1]) / static_cast<double>(at[next] - at[next - 1]);
    result.push_back((1 - way) * prompts[next - 1] + way * prompts[next]);
  }
  return at::stack(result);
}

}  // namespace

void checkIds(const StableDiffusion& model, const char* name, const std::vector<int32_t>& ids) {
  const int64_t positions = model.text_encoder->config().positions;
  if (static_cast<int64_t>(ids.size()) != positions) {
    throw Error(ErrorCode::InvalidOption,
                c10::str(name, ": ", ids.size(), " token ids; the text encoder takes ", positions));
  }
  checkLearned(*model.text_encoder, name, ids);
}

void checkPrompts(const StableDiffusion& model, const pipeline::SampleRequest& request) {
  checkPrompt(*model.text_encoder, "prompt", request.prompt);
  checkPrompt(*model.text_encoder, "negativePrompt", request.negative);
  checkWords(model, request);
  const std::vector<int64_t>& at = request.prompt_frames;
  const bool rising = std::adjacent_find(at.begin(), at.end(), std::greater_equal<>()) == at.end();
  if (at.empty() || at.front() != 0 || !rising || at.back() >= request.frames) {
    throw Error(ErrorCode::InvalidOption, "prompt: its frames must rise from 0 and be the film's");
  }
  if (request.prompt.ids.size() == at.size() * request.negative.ids.size()) return;
  throw Error(ErrorCode::InvalidOption, "negativePrompt: it must have as many chunks as each prompt");
}

at::Tensor encodeText(const StableDiffusion& model, const std::vector<const std::vector<int32_t>*>& ids) {
  std::vector<at::Tensor> rows;
  for (const auto* row : ids) rows.push_back(at::tensor(*row, at::kLong));
  return encode(model, at::stack(rows));
}

at::Tensor encodePrompts(const StableDiffusion& model, const pipeline::SampleRequest& request,
                         pipeline::Recorder& recorder) {
  const at::Tensor prompt = chunksOf(*model.text_encoder, request.prompt),
                   negative = chunksOf(*model.text_encoder, request.negative);
  const auto prompts = static_cast<int64_t>(request.prompt_frames.size());
  const auto key =
      pipeline::EncodingKey().add(request.negative).add(request.prompt).add(prompts).add(request.clip_skip);
  const auto encoded = pipeline::encodedOnce(request, "prompts", key, [&]() -> std::vector<at::Tensor> {
    const pipeline::DeviceVisit visit(model.text_encoder->parameters(), model.device);
    // The negative prompt has all layers, as in diffusers.
    const at::Tensor states =
        request.clip_skip == 0 ? encode(model, at::cat({negative, prompt}))
                               : at::cat({encode(model, negative), encode(model, prompt, request.clip_skip)});
    return {joinedChunks(states.narrow(0, 0, negative.size(0)), request.negative, 1),
            joinedChunks(states.narrow(0, negative.size(0), prompt.size(0)), request.prompt, prompts)};
  });
  const at::Tensor &without = encoded[0], &with = encoded[1];
  recorder.add("prompt_ids", prompt.view({prompts, -1}));
  recorder.add("negative_ids", negative.view({1, -1}));
  recorder.add("negative_embeds", without.to(at::kFloat));
  if (prompts == 1) {
    recorder.add("prompt_embeds", with.to(at::kFloat));
    return at::cat({without, with});
  }
  const at::Tensor of_frames = overTime(with, request.prompt_frames, request.frames);
  recorder.add("prompt_embeds", of_frames.to(at::kFloat));
  return at::stack({without.expand_as(of_frames), of_frames});
}

std::vector<at::Tensor> encodeWords(const StableDiffusion& model, const pipeline::SampleRequest& request,
                                    pipeline::Recorder& recorder) {
  pipeline::EncodingKey key;
  std::vector<size_t> subjects;
  for (size_t i = 0; i < request.words.size(); ++i) {
    if (request.words[i].ids.empty()) continue;
    subjects.push_back(i);
    key.add(request.words[i]);
  }
  if (subjects.empty()) return {};
  const auto states = pipeline::encodedOnce(request, "words", key.add(request.clip_skip), [&] {
    const pipeline::DeviceVisit visit(model.text_encoder->parameters(), model.device);
    std::vector<at::Tensor> each;
    for (const size_t i : subjects) {
      const pipeline::PromptTokens& words = request.words[i];
      each.push_back(
          joinedChunks(encode(model, chunksOf(*model.text_encoder, words), request.clip_skip), words, 1));
    }
    return each;
  });
  for (size_t w = 0; w < subjects.size(); ++w) {
    const size_t i = subjects[w];
    recorder.add(c10::str("words_ids_", i), chunksOf(*model.text_encoder, request.words[i]).view({1, -1}));
    recorder.add(c10::str("words_embeds_", i), states[w].to(at::kFloat));
  }
  return states;
}

ReferenceLatents encodeReferences(const StableDiffusion& model, const pipeline::SampleRequest& request,
                                  const std::function<void()>& onEach, pipeline::Recorder& recorder) {
  const auto& references = request.picturesOf("reference");
  pipeline::EncodingKey key;
  key.add(references).add(request.vae_tiling).add(request.sample_reference_latents);
  // From the posterior the same pictures are others by another seed.
  if (request.sample_reference_latents) key.add(static_cast<int64_t>(request.seed));
  size_t done = 0;
  const auto encoded = pipeline::encodedOnce(request, "references", key, [&]() -> std::vector<at::Tensor> {
    const pipeline::LatentCodec& codec = model.codec();
    const pipeline::DeviceVisit visit(codec.network().parameters, model.device);
    const at::Generator generator = makeGenerator(request.seed, RandomStream::ReferencePosterior);
    const int64_t height = request.height / codec.stride(), width = request.width / codec.stride();
    std::vector<at::Tensor> latents, log_variances;
    for (; done < references.size(); ++done) {
      const pipeline::RgbImage& reference = references[done];
      const at::Tensor image =
          pipeline::imageToTensor(reference.data.data(), reference.width, reference.height);
      const at::Tensor noise = request.sample_reference_latents
                                   ? drawNormal({1, codec.channels(), height, width}, generator)
                                   : at::Tensor();
      const pipeline::EncodedPicture picture = codec.encode(image, request.vae_tiling, noise);
      latents.push_back(picture.latents);
      log_variances.push_back(picture.log_variance);
      onEach();
    }
    return {at::stack(latents, 1), at::stack(log_variances, 1)};  // of (1, C, h, w) each
  });
  // Those that were there already.
  for (; done < references.size(); ++done) onEach();
  const ReferenceLatents result{encoded[0], encoded[1]};
  recorder.addVideo("reference_latents", result.latents);
  recorder.addVideo("reference_logvar", result.log_variance);
  return result;
}

}  // namespace cameo::families
