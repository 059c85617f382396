#include "pipeline/denoise.h"

#include <ATen/ATen.h>

#include <functional>
#include <utility>

#include "pipeline/parallel_steps.h"
#include "pipeline/pixels.h"
#include "pipeline/walk.h"

namespace cameo::pipeline {

namespace {

/// Records what the network takes and gives at its first evaluation.
OnEvaluation recordFirst(Recorder& recorder) {
  return [&recorder, is_first = true](const Evaluation& evaluation) mutable {
    if (!std::exchange(is_first, false)) return;
    recorder.addVideo("unet_in_0", evaluation.input);
    recorder.addVideo("unet_out_0", evaluation.output);
  };
}

/// How many steps are behind, and what the last evaluation takes for the clean sample.
using OnClean = std::function<void(int64_t steps, const at::Tensor& clean)>;

/// One pass from noise to a sample.
class Pass {
 public:
  Pass(const Pipeline& pipeline, const SampleRequest& request, const Loop& loop,
       const OnEvaluation& onEvaluation, const OnClean& onClean)
      : pipeline_(pipeline),
        request_(request),
        loop_(loop),
        onEvaluation_(onEvaluation),
        onClean_(onClean),
        sampler_(makeSampler(pipeline, request)),
        parameterization_(sampler_->parameterization()) {}

  samplers::Sampler& sampler() { return *sampler_; }
  /// Takes the latents out of `start`.
  at::Tensor run(Start& start, const samplers::Draw& draw) {
    steps_ = sampler_->steps() - start.step;
    return request_.parallel.window > 1 ? inParallel(start, draw) : oneByOne(start, draw);
  }

 private:
  at::Tensor oneByOne(Start& start, const samplers::Draw& draw);
  at::Tensor inParallel(const Start& start, const samplers::Draw& draw);
  std::vector<at::Tensor> outputs(const std::vector<Question>& questions);

  const Pipeline& pipeline_;
  const SampleRequest& request_;
  const Loop& loop_;
  const OnEvaluation& onEvaluation_;
  const OnClean& onClean_;
  const std::unique_ptr<samplers::Sampler> sampler_;
  const samplers::Parameterization parameterization_;
  int64_t steps_ = 0;
};

std::vector<at::Tensor> Pass::outputs(const std::vector<Question>& questions) {
  std::vector<Evaluators::Work> work;
  for (const auto& [x, level, step] : questions) {
    work.push_back({samplers::networkInput(parameterization_, x, level), {level.time, step, steps_}});
  }
  return loop_.evaluators.predict(work, loop_.guidance, loop_.cancellation, onEvaluation_);
}

at::Tensor Pass::oneByOne(Start& start, const samplers::Draw& draw) {
  at::Tensor clean;
  const auto answer = [&](const Question& question) {
    loop_.recorder.addEvaluation(question.x, question.level.time);
    samplers::Estimate estimate =
        samplers::estimate(parameterization_, question.x, outputs({question}).front(), question.level);
    clean = estimate.clean;
    return estimate;
  };
  const auto onStep = [&](int64_t steps, const at::Tensor& latents) {
    if (steps == 1 || steps == steps_) requireFinite(pipeline_, latents.isfinite().all());
    onClean_(steps, clean);
    return true;
  };
  return walk(*sampler_, start, std::move(start.latents), draw, answer, onStep);
}

at::Tensor Pass::inParallel(const Start& start, const samplers::Draw& draw) {
  const auto evaluateAll = [&](const std::vector<Question>& questions) {
    const std::vector<at::Tensor> answers = outputs(questions);
    requireFinite(pipeline_, answers.front().isfinite().all());
    return answers;
  };
  const auto onRound = [&](int64_t steps, const samplers::Estimate& estimate) {
    onClean_(steps, estimate.clean);
  };
  const ParallelRun run = walkInParallel([&] { return makeSampler(pipeline_, request_); }, start, draw,
                                         request_.parallel, evaluateAll, onRound);
  for (const auto& [x, level, step] : run.questions) loop_.recorder.addEvaluation(x, level.time);
  loop_.recorder.addRounds(run.rounds);
  return run.latents;
}

}  // namespace

std::unique_ptr<samplers::Sampler> makeSampler(const Pipeline& pipeline, const SampleRequest& request) {
  return samplers::makeSampler(request.sampler, pipeline.scheduler, request.steps, pipeline.scheduler_path);
}

at::Tensor denoise(const Pipeline& pipeline, const SampleRequest& request, Start start,
                   const FilmNoise& noise, const Loop& loop) {
  const FreeInit& free_init = request.free_init;
  const OnEvaluation record = recordFirst(loop.recorder);
  const samplers::Draw draw = [&noise] { return noise.draw(); };
  // Of a film of any length, nothing is kept longer than it is needed.
  const at::Tensor first_noise = free_init.iterations > 1 ? start.noise : at::Tensor();
  if (!start.holds) start.noise.reset();
  at::Tensor latents;
  for (int64_t index = 0; index < free_init.iterations; ++index) {
    int64_t steps = 0;
    const OnClean report = [&](int64_t done, const at::Tensor& clean) {
      Progress progress{Phase::Denoise, index * steps + done, free_init.iterations * steps, {}};
      if (loop.preview) progress.preview = loop.preview->render(clean[0][clean.size(1) / 2]);
      loop.onProgress(std::move(progress));
    };
    Pass pass(pipeline, request, loop, record, report);
    steps = pass.sampler().steps() - start.step;
    if (index > 0) {
      const samplers::NoiseSchedule& schedule = pass.sampler().schedule();
      const at::Tensor noisy = schedule.addNoise(latents, first_noise, schedule.config().train_timesteps - 1);
      start.beginWith(mixFrequencies(noisy, draw(), free_init), pass.sampler());
    }
    latents = pass.run(start, draw);
    loop.recorder.addResult(latents);
  }
  loop.recorder.write();
  return latents;
}

}  // namespace cameo::pipeline
