// A library of its own, cameo_cuda: it needs the headers of CUDA and NCCL, and libtorch_cuda in memory.
#define USE_C10D_NCCL
#include <torch/csrc/cuda/nccl.h>

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace {

/// c10d's defaults end the process from threads of their own when a peer is lost. Here the call that waits
/// throws instead. c10d takes that from the environment alone, which can't be written to beside other threads
/// that read it; so its fields are set, before anything uses them. Whoever set the variables is left his
/// choice.
class ThrowingNccl final : public c10d::ProcessGroupNCCL {
 public:
  ThrowingNccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int world_size,
               c10::intrusive_ptr<Options> options)
      : ProcessGroupNCCL(store, rank, world_size, std::move(options)) {
    blockingWait_ = c10d::getCvarBool(c10d::TORCH_NCCL_BLOCKING_WAIT, true);
    asyncErrorHandling_ = static_cast<c10d::ErrorHandlingMode>(
        c10d::getCvarInt(c10d::TORCH_NCCL_ASYNC_ERROR_HANDLING, c10d::NoHandling));
    if (c10d::getCvarBool(c10d::TORCH_NCCL_ENABLE_MONITORING, false)) return;
    heartbeatMonitor_->stop();
    heartbeatMonitor_->join();
  }
};

/// libtorch_cuda shares structures with this file whose layout is that of NCCL's header.
void checkVersion() {
  const uint64_t version = torch::cuda::nccl::version();
  const uint64_t major = version >> 32, minor = (version >> 16) & 0xffff;
  TORCH_CHECK(major == NCCL_MAJOR && minor == NCCL_MINOR, "cameo_cuda was compiled for NCCL ", NCCL_MAJOR,
              ".", NCCL_MINOR, " and libtorch has ", major, ".", minor);
}

}  // namespace

/// NCCL among the processes that share `store`, as c10d's backend; its communicators are made at the first
/// call. Throws c10::Error where libtorch has another version of NCCL.
extern "C" __attribute__((visibility("default"))) void cameoConnectNccl(
    const c10::intrusive_ptr<c10d::Store>& store, int rank, int world_size, std::chrono::milliseconds timeout,
    c10::intrusive_ptr<c10d::Backend>& backend) {
  checkVersion();
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  backend = c10::make_intrusive<ThrowingNccl>(store, rank, world_size, std::move(options));
}
