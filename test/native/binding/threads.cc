#include <pthread.h>

#include "core/error.h"
#include "harness.h"

namespace cameo::test {

namespace {

/// From here on this process's threads are to have a stack larger than all addresses, which the system
/// refuses. Node's own threads say how large theirs are.
Tensors refuseThreads(const Json&, const Tensors&) {
  pthread_attr_t attributes;
  pthread_getattr_default_np(&attributes);
  pthread_attr_setstacksize(&attributes, size_t{1} << 47);
  const int failure = pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
  if (failure != 0) throw Error(ErrorCode::Libtorch, "the size of stacks can't be set");
  return {};
}

}  // namespace

const bool kRefuseThreadsRegistered = addProbe("binding.refuse_threads", refuseThreads);

}  // namespace cameo::test
