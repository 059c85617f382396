#include "pipeline/evaluators.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <future>
#include <utility>

#include "core/memory_pool.h"
#include "nn/plain_kernels.h"

namespace cameo::pipeline {

namespace {

at::Tensor on(const at::Tensor& tensor, c10::Device device) {
  return tensor.defined() ? tensor.to(device) : tensor;
}

Start startOn(const Start& start, c10::Device device) {
  Start result = start;
  for (at::Tensor* tensor : {&result.latents, &result.noise, &result.clean, &result.masked_noise}) {
    *tensor = on(*tensor, device);
  }
  result.painted = on(result.painted, device);
  return result;
}

}  // namespace

Evaluators::Evaluators(const Pipeline& pipeline, const SampleRequest& request, const Start& start,
                       const samplers::NoiseSchedule& schedule, Denoiser& own)
    : pipeline_(pipeline), own_(own) {
  if (request.parallel.window == 1) return;
  for (const auto& model : pipeline.copies) {
    const c10::DeviceGuard on_its_device(model->device);
    auto copy = std::make_unique<Copy>(Copy{*model, request, startOn(start, model->device)});
    copy->request.encodings = model->encodings;
    copy->denoiser =
        model->denoiser(copy->request, copy->start, schedule, [](const Progress&) {}, copy->recorder);
    copies_.push_back(std::move(copy));
  }
}

std::vector<at::Tensor> Evaluators::predict(const std::vector<Work>& work, const Guidance& guidance,
                                            const Cancellation& cancellation,
                                            const OnEvaluation& onEvaluation) const {
  const size_t devices = 1 + copies_.size();
  std::vector<at::Tensor> outputs(work.size());
  const auto shareOf = [&](size_t first, Denoiser& denoiser, c10::Device device, const OnEvaluation& tell) {
    for (size_t i = first; i < work.size(); i += devices) {
      cancellation.check();
      outputs[i] = pipeline::predict(denoiser, guidance, work[i].latents.to(device), work[i].moment, tell)
                       .to(pipeline_.device);
    }
  };
  std::vector<std::future<void>> others;
  for (size_t i = 1; i < std::min(devices, work.size()); ++i) {
    others.push_back(std::async(std::launch::async, [&, i] {
      const Copy& copy = *copies_[i - 1];
      const c10::InferenceMode inference;
      const c10::DeviceGuard on_its_device(copy.pipeline.device);
      const nn::PlainKernels plain(copy.pipeline.plain_kernels);
      const MemoryPool::Scope pooled;
      shareOf(i, *copy.denoiser, copy.pipeline.device, [](const Evaluation&) {});
    }));
  }
  shareOf(0, own_, pipeline_.device, onEvaluation);
  // One that throws waits for the others as they are destroyed.
  for (std::future<void>& other : others) other.get();
  return outputs;
}

}  // namespace cameo::pipeline
