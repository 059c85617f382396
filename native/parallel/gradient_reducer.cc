#include "parallel/gradient_reducer.h"

#include <torch/csrc/distributed/c10d/reducer.hpp>

#include "core/error.h"
#include "parallel/process_group_impl.h"

namespace cameo::parallel {

namespace {

/// Keeps from users that a search for unused leaves found none, which costs them nothing.
class Silence : public c10::WarningHandler {
 public:
  void process(const c10::Warning&) override {}
};

/// Buckets in the order in which a backward pass finishes them, the last layers first.
std::vector<std::vector<size_t>> makeBuckets(const std::vector<at::Tensor>& leaves) {
  auto [buckets, limits] = c10d::compute_bucket_assignment_by_size(
      leaves, {c10d::kDefaultFirstBucketBytes, c10d::kDefaultBucketBytesCap});
  std::reverse(buckets.begin(), buckets.end());
  return buckets;
}

void checkSameLeaves(const c10::intrusive_ptr<c10d::ProcessGroup>& group,
                     const std::vector<at::Tensor>& leaves) {
  try {
    c10d::verify_params_across_processes(group, leaves, std::nullopt);
  } catch (const c10::DistError&) {
    throw;
  } catch (const c10::Error&) {
    throw Error(ErrorCode::Distributed, c10::str("rank ", group->getRank(),
                                                 " trains other parameters than rank 0: start all processes "
                                                 "with the same recipe and the same weights"));
  }
}

}  // namespace

struct GradientReducer::Impl {
  Impl(const c10::intrusive_ptr<c10d::ProcessGroup>& group, std::vector<at::Tensor> leaves)
      : reducer(leaves, makeBuckets(leaves), group, std::vector<bool>(leaves.size(), false),
                c10d::kDefaultBucketBytesCap, /*find_unused_parameters=*/true,
                /*gradient_as_bucket_view=*/true, /*param_names=*/{}, c10d::kDefaultFirstBucketBytes,
                /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false,
                /*bucket_bytes_cap_list=*/{}) {}

  c10d::Reducer reducer;
};

GradientReducer::GradientReducer(ProcessGroup& group, std::vector<at::Tensor> leaves) {
  group.translateErrors([&] {
    checkSameLeaves(group.impl_->group, leaves);
    impl_ = std::make_unique<Impl>(group.impl_->group, std::move(leaves));
  });
}

GradientReducer::~GradientReducer() = default;

void GradientReducer::prepare(const at::Tensor& loss) {
  Silence silence;
  const c10::WarningUtils::WarningHandlerGuard guard(&silence);
  impl_->reducer.prepare_for_backward({loss});
}

}  // namespace cameo::parallel
