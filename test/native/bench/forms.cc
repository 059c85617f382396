#include "bench/forms.h"

#include <ATen/ATen.h>

#include <chrono>

#include "core/memory_pool.h"
#include "core/rng.h"

namespace cameo::test {

namespace {

double secondsOf(const Form& form) {
  const auto start = std::chrono::steady_clock::now();
  const Tensors results = form.compute();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double largest(const at::Tensor& x) {
  return x.abs().max().item<double>();
}

}  // namespace

Measurement::Measurement(const Json& config)
    : repeats(config.at("repeats")), with_errors(config.at("errors")) {}

Tensors measure(const std::vector<Form>& forms, const std::function<Tensors()>& exact,
                const Measurement& measurement) {
  const MemoryPool::Scope pooled;  // as requests and trainers have one
  const Tensors expected = measurement.with_errors ? exact() : Tensors();
  Tensors report;
  for (const Form& form : forms) {
    const Tensors results = form.compute();
    for (const auto& [name, tensor] : results) {
      if (!measurement.with_errors) continue;
      const at::Tensor& right = expected.at(name);
      const double error = largest(tensor.to(at::kDouble) - right) / largest(right);
      report["error." + form.name + "." + name] = at::full({1}, error);
    }
    report["seconds." + form.name] = at::empty({measurement.repeats});
  }
  for (int64_t i = 0; i < measurement.repeats; ++i) {
    for (const Form& form : forms) report["seconds." + form.name][i] = secondsOf(form);
  }
  return report;
}

Draw::Draw(const Json& config)
    : generator_(makeGenerator(config.at("seed").get<uint64_t>(), RandomStream::InitialNoise)) {}

at::Tensor Draw::operator()(at::IntArrayRef shape, double deviation) {
  return drawNormal(shape, generator_).mul_(deviation);
}

at::Tensor channelsLast(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace cameo::test
