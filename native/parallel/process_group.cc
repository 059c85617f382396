#include "parallel/process_group.h"

#include <c10/util/Logging.h>
#include <gloo/common/error.h>
#include <torch/csrc/distributed/c10d/exception.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/comm.hpp>

#include "core/error.h"
#include "parallel/gloo_backend.h"
#include "parallel/local_address.h"
#include "parallel/nccl_backend.h"
#include "parallel/process_group_impl.h"
#include "parallel/rendezvous.h"

namespace cameo::parallel {

namespace {

/// As DistributedDataParallel's: broadcast tensors travel together up to this size.
constexpr size_t kBroadcastBytes = size_t{250} << 20;

/// While c10d connects, it logs every failed attempt with its stack; what matters of that is in the errors
/// here.
class QuietLog {
 public:
  QuietLog() { FLAGS_caffe2_log_level = c10::GLOG_FATAL; }
  ~QuietLog() { FLAGS_caffe2_log_level = before_; }

 private:
  int before_ = FLAGS_caffe2_log_level;
};

/// Without the place in libtorch's sources that Gloo's messages begin with.
std::string withoutSource(const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  const size_t end = line.find("] ");
  return line.front() == '[' && end != std::string::npos ? line.substr(end + 2) : line;
}

Error lost(const Membership& membership, const std::string& detail) {
  return Error(
      ErrorCode::Distributed,
      c10::str("rank ", membership.rank, ": another process of this run ended, or did not answer within ",
               membership.timeout_seconds, " s (", withoutSource(detail),
               "): see its own message, then start the run again with --resume"));
}

[[noreturn]] void rethrowTranslatedFor(const Membership& membership) {
  throwIfCancelled();  // then whatever is thrown comes of that
  try {
    throw;
  } catch (const c10::DistError& error) {
    throw lost(membership, error.what_without_backtrace());
  } catch (const gloo::Exception& error) {
    throw lost(membership, error.what());
  }
}

c10::intrusive_ptr<c10d::Backend> connectCpu(const c10::intrusive_ptr<c10d::Store>& store,
                                             const Membership& membership, const std::string& own_address) {
  try {
    return connectGloo(c10::make_intrusive<c10d::PrefixStore>("gloo", store), membership, own_address);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::Distributed,
                c10::str("rank ", membership.rank, " at ", own_address, " could not connect to the others (",
                         withoutSource(error.what()),
                         "): set GLOO_SOCKET_IFNAME to a network interface by which they reach each other"));
  }
}

at::Tensor reduced(c10d::ProcessGroup& group, double value, c10d::ReduceOp::RedOpType operation) {
  std::vector<at::Tensor> tensors = {at::scalar_tensor(value, at::kDouble)};
  group.allreduce(tensors, {.reduceOp = operation})->wait();
  return tensors.front();
}

}  // namespace

ProcessGroup::Impl::Impl(const Membership& membership, c10::Device device) : membership(membership) {
  // Before this process meets others, which would be left waiting.
  if (device.is_cuda()) requireNccl();
  const std::string own_address = localAddressTowards(membership.address, membership.port);
  store = meet(membership);
  const Interruptible interruptible([this] { store->interrupt(); });
  group = c10::make_intrusive<c10d::ProcessGroup>(store, static_cast<int>(membership.rank),
                                                  static_cast<int>(membership.world_size));
  group->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::GLOO,
                    connectCpu(store, membership, own_address));
  group->setDefaultBackend(c10d::ProcessGroup::GLOO);
  if (!device.is_cuda()) return;
  nccl = connectNccl(c10::make_intrusive<c10d::PrefixStore>("nccl", store), membership);
  group->setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::NCCL, nccl);
}

ProcessGroup::Impl::~Impl() {
  // A shutdown would wait for processes that may be gone; nothing is under way after the calls that wait.
  if (nccl) nccl->abort();
}

std::unique_ptr<ProcessGroup> ProcessGroup::join(const Membership& membership, c10::Device device) {
  const QuietLog quiet;
  try {
    return std::unique_ptr<ProcessGroup>(new ProcessGroup(std::make_unique<Impl>(membership, device)));
  } catch (...) {
    rethrowTranslatedFor(membership);
  }
}

ProcessGroup::ProcessGroup(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ProcessGroup::~ProcessGroup() = default;

int64_t ProcessGroup::rank() const {
  return impl_->membership.rank;
}

double ProcessGroup::timeoutSeconds() const {
  return impl_->membership.timeout_seconds;
}

int64_t ProcessGroup::worldSize() const {
  return impl_->membership.world_size;
}

void ProcessGroup::broadcast(const std::vector<at::Tensor>& tensors, int64_t root) {
  const c10::AutoGradMode no_gradients(false);
  // What is contiguous may still have strides of its own along dimensions of size 1, as 1x1 kernels in
  // channels-last have. c10d, which copies a tensor that travels alone onto itself, refuses those.
  std::vector<at::Tensor> plain;
  for (const at::Tensor& tensor : tensors) plain.push_back(tensor.is_contiguous() ? tensor.view(-1) : tensor);
  translateErrors(
      [&] { c10d::broadcast_coalesced(impl_->group, plain, kBroadcastBytes, static_cast<int>(root)); });
}

void ProcessGroup::sum(const std::vector<at::Tensor>& tensors) {
  const c10::AutoGradMode no_gradients(false);
  translateErrors([&] {
    for (const at::Tensor& tensor : tensors) {
      std::vector<at::Tensor> contiguous = {tensor.contiguous()};
      impl_->group->allreduce(contiguous)->wait();
      if (!contiguous.front().is_same(tensor)) tensor.copy_(contiguous.front());
    }
  });
}

double ProcessGroup::mean(double value) {
  return translateErrors([&] { return reduced(*impl_->group, value, c10d::ReduceOp::SUM).item<double>(); }) /
         static_cast<double>(worldSize());
}

double ProcessGroup::max(double value) {
  return translateErrors([&] { return reduced(*impl_->group, value, c10d::ReduceOp::MAX).item<double>(); });
}

bool ProcessGroup::any(bool value) {
  return max(value ? 1 : 0) > 0;
}

void ProcessGroup::barrier() {
  max(0);
}

void ProcessGroup::abort() const {
  impl_->store->interrupt();
  impl_->group->abort();
}

void ProcessGroup::rethrowTranslated() const {
  rethrowTranslatedFor(impl_->membership);
}

}  // namespace cameo::parallel
