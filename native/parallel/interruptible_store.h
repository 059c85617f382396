#pragma once

#include <atomic>
#include <memory>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

namespace cameo::parallel {

/// A store whose waiting can be ended from another thread. c10d's own waits until the timeout.
class InterruptibleStore final : public c10d::PrefixStore {
 public:
  explicit InterruptibleStore(c10::intrusive_ptr<c10d::Store> store);

  /// From now on waiting throws c10::DistStoreError.
  void interrupt() { *interrupted_ = true; }

  c10::intrusive_ptr<c10d::Store> clone() override;
  std::vector<uint8_t> get(const std::string& key) override;
  std::vector<std::vector<uint8_t>> multiGet(const std::vector<std::string>& keys) override;
  void wait(const std::vector<std::string>& keys) override;
  void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& timeout) override;

 private:
  std::shared_ptr<std::atomic<bool>> interrupted_;  // clones share it
};

}  // namespace cameo::parallel
