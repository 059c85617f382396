#pragma once

#include <memory>
#include <optional>

namespace cameo {

/// Memory of tensors on the CPU that is asked of the system once and used again and again. What malloc gives
/// back to the system, and it does so with every large tensor, comes again page by page, each of them cleared
/// first: a quarter of the time of a large network.
///
/// The addresses are reserved at once and fill up from the lowest, so that the pool takes hardly more than
/// what lives at the same time. Where the system does not let it reserve any, and on other systems than
/// Linux, all is malloc's.
class MemoryPool {
 public:
  MemoryPool();
  /// What lives keeps its memory until it dies; all other goes back to the system.
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  /// While it lives, tensors that this thread makes on the CPU take their memory from the pool; small ones
  /// don't.
  class Scope;

 private:
  friend class PoolAllocator;
  class Arena;
  std::shared_ptr<Arena> arena_;
};

class MemoryPool::Scope {
 public:
  explicit Scope(const MemoryPool& pool);
  /// Of the pool that this thread has, or a new one.
  Scope();
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  std::optional<MemoryPool> own_;
  const MemoryPool* outer_;
};

}  // namespace cameo
