#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <optional>

namespace cameo::pipeline {

/// A tensor on its way from a GPU to the host, while the GPU goes on with what follows.
class HostCopy {
 public:
  /// Of a dense tensor. One that is on the host is there at once, and is not copied.
  explicit HostCopy(const at::Tensor& x);

  bool isOnHost() const { return !arrival_; }
  /// The tensor on the host, waited for.
  const at::Tensor& wait();

 private:
  at::Tensor host_;
  std::optional<c10::Event> arrival_;
};

}  // namespace cameo::pipeline
