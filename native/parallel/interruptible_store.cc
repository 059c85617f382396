#include "parallel/interruptible_store.h"

#include <thread>

namespace cameo::parallel {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPoll(20);

}  // namespace

InterruptibleStore::InterruptibleStore(c10::intrusive_ptr<c10d::Store> store)
    : PrefixStore("", std::move(store)), interrupted_(std::make_shared<std::atomic<bool>>(false)) {}

c10::intrusive_ptr<c10d::Store> InterruptibleStore::clone() {
  auto copy = c10::make_intrusive<InterruptibleStore>(store_->clone());
  copy->interrupted_ = interrupted_;
  return copy;
}

std::vector<uint8_t> InterruptibleStore::get(const std::string& key) {
  wait({key});
  return PrefixStore::get(key);
}

std::vector<std::vector<uint8_t>> InterruptibleStore::multiGet(const std::vector<std::string>& keys) {
  wait(keys);
  return PrefixStore::multiGet(keys);
}

void InterruptibleStore::wait(const std::vector<std::string>& keys) {
  wait(keys, getTimeout());
}

void InterruptibleStore::wait(const std::vector<std::string>& keys,
                              const std::chrono::milliseconds& timeout) {
  const auto deadline = Clock::now() + timeout;
  while (!check(keys)) {
    if (*interrupted_) C10_THROW_ERROR(DistStoreError, "waiting for other processes was interrupted");
    if (Clock::now() >= deadline) C10_THROW_ERROR(DistStoreError, "other processes did not come in time");
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace cameo::parallel
