#include "pipeline/host_copy.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace cameo::pipeline {

HostCopy::HostCopy(const at::Tensor& x) : host_(x) {
  if (x.is_cpu()) return;
  // From the device to pageable memory the driver would wait for the copy.
  host_ = at::empty(x.sizes(), x.options().device(at::kCPU).pinned_memory(true));
  host_.copy_(x, /*non_blocking=*/true);
  arrival_.emplace(x.device().type());
  arrival_->record(c10::impl::VirtualGuardImpl(x.device().type()).getStream(x.device()));
}

const at::Tensor& HostCopy::wait() {
  if (arrival_) arrival_->synchronize();
  arrival_.reset();
  return host_;
}

}  // namespace cameo::pipeline
