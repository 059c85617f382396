#include "cpu/barriers.h"

#if defined(_OPENMP) && defined(__linux__)
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <system_error>
#include <thread>
#endif

namespace cameo::cpu {

#if defined(_OPENMP) && defined(__linux__)

namespace {

/// libgomp looks at a barrier 300,000 times before it sleeps, but 100 times in a process that has more OpenMP
/// threads than CPUs (its manual, on GOMP_SPINCOUNT). Its variables count only before it is loaded, when they
/// could not be set without a race in a host that has threads. So there are more threads: one for each CPU
/// and this one, which never do anything.
void holdIdleThreads() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the host's, and its threads'
  std::atomic<int> threads = 0;               // without a body there would be no parallel region
#pragma omp parallel num_threads(omp_get_num_procs() + 1)
  ++threads;
  for (;;) pause();
}

bool holdOnce() {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return false;
  try {
    std::thread(holdIdleThreads).detach();
    return true;
  } catch (const std::system_error&) {
    return false;  // no thread is to be had: then waiting stays as it is
  }
}

}  // namespace

void sleepAtBarriers() {
  [[maybe_unused]] static const bool holds = holdOnce();
}

#else

void sleepAtBarriers() {}

#endif

}  // namespace cameo::cpu
