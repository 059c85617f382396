#include "core/memory_pool.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace cameo {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kSmallest = 16 * kPage;

constexpr size_t wholePages(size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

/// Addresses without memory behind them yet, as many bytes as the machine has; null where the system refuses.
void* reserve(size_t bytes);
/// The memory behind these addresses goes back; they can be used again.
void giveBack(void* addresses, size_t bytes);
void unreserve(void* addresses, size_t bytes);
size_t machineMemory();

#ifdef __linux__

void* reserve(size_t bytes) {
  void* addresses =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (addresses == MAP_FAILED) return nullptr;
  madvise(addresses, bytes, MADV_HUGEPAGE);
  return addresses;
}

void giveBack(void* addresses, size_t bytes) {
  madvise(addresses, bytes, MADV_DONTNEED);
}

void unreserve(void* addresses, size_t bytes) {
  munmap(addresses, bytes);
}

size_t machineMemory() {
  return static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

#else

void* reserve(size_t) {
  return nullptr;
}

void giveBack(void*, size_t) {}

void unreserve(void*, size_t) {}

size_t machineMemory() {
  return 0;
}

#endif

thread_local const MemoryPool* current_pool = nullptr;

}  // namespace

/// Ranges of reserved addresses, handed out by best fit, of those as good the lowest; neighbours that are
/// free join.
class MemoryPool::Arena {
 public:
  Arena() : size_(machineMemory()), addresses_(static_cast<char*>(reserve(size_))) {
    if (addresses_ != nullptr) addFree(0, size_);
  }

  ~Arena() {
    if (addresses_ != nullptr) unreserve(addresses_, size_);
  }

  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// Null where no range is large enough.
  void* take(size_t bytes) {
    const std::lock_guard lock(mutex_);
    const auto found = by_size_.lower_bound({bytes, 0});
    if (found == by_size_.end()) return nullptr;
    const auto [length, start] = *found;
    removeFree(start, length);
    if (length > bytes) addFree(start + bytes, length - bytes);
    living_.emplace(start, bytes);
    return addresses_ + start;
  }

  /// False where the system did not let it reserve any.
  bool hasAddresses() const { return addresses_ != nullptr; }

  bool has(const void* memory) const {
    return memory >= addresses_ && memory < addresses_ + size_ && addresses_ != nullptr;
  }

  /// Whether nothing will be taken from it any more, and nothing lives.
  bool release(void* memory) {
    const std::lock_guard lock(mutex_);
    size_t start = static_cast<size_t>(static_cast<char*>(memory) - addresses_);
    const auto living = living_.find(start);
    size_t bytes = living->second;
    living_.erase(living);
    if (closed_) giveBack(memory, bytes);
    joinFree(start, bytes);
    return closed_ && living_.empty();
  }

  /// From here on nothing is kept for later. Whether nothing lives.
  bool close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [start, length] : by_start_) giveBack(addresses_ + start, length);
    return living_.empty();
  }

 private:
  void joinFree(size_t start, size_t bytes) {
    const auto next = by_start_.lower_bound(start);
    if (next != by_start_.begin()) {
      const auto [before, length] = *std::prev(next);
      if (before + length == start) {
        removeFree(before, length);
        start = before;
        bytes += length;
      }
    }
    const auto after = by_start_.find(start + bytes);
    if (after != by_start_.end()) {
      const size_t length = after->second;
      removeFree(start + bytes, length);
      bytes += length;
    }
    addFree(start, bytes);
  }

  void addFree(size_t start, size_t length) {
    by_start_.emplace(start, length);
    by_size_.emplace(length, start);
  }

  void removeFree(size_t start, size_t length) {
    by_start_.erase(start);
    by_size_.erase({length, start});
  }

  const size_t size_;
  char* const addresses_;
  std::mutex mutex_;
  std::map<size_t, size_t> by_start_;            // length by start
  std::set<std::pair<size_t, size_t>> by_size_;  // length, start
  std::unordered_map<size_t, size_t> living_;    // length by start
  bool closed_ = false;
};

/// libtorch's allocator for CPUs, with a pool before it where a thread has one. libtorch wants every
/// allocation to end by the same function, which knows the address alone: so all arenas are listed here.
class PoolAllocator final : public c10::Allocator {
 public:
  /// In libtorch's place from its first use on, for as long as libtorch lives.
  static PoolAllocator& get() {
    static PoolAllocator* const instance = [] {
      auto* allocator = new PoolAllocator(*c10::GetAllocator(c10::kCPU));
      c10::SetCPUAllocator(allocator, std::numeric_limits<uint8_t>::max());
      return allocator;
    }();
    return *instance;
  }

  c10::DataPtr allocate(size_t bytes) override {
    void* memory = nullptr;
    if (bytes >= kSmallest && current_pool != nullptr) memory = current_pool->arena_->take(wholePages(bytes));
    if (memory == nullptr) memory = next_.raw_allocate(bytes);
    return {memory, memory, &release, c10::Device(c10::kCPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }

  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }

  void add(std::shared_ptr<MemoryPool::Arena> arena) {
    const std::unique_lock lock(mutex_);
    arenas_.push_back(std::move(arena));
  }

  void remove(const MemoryPool::Arena* arena) {
    const std::unique_lock lock(mutex_);
    std::erase_if(arenas_, [&](const auto& each) { return each.get() == arena; });
  }

 private:
  explicit PoolAllocator(c10::Allocator& next) : next_(next) {}

  /// Null where the memory is libtorch's.
  std::shared_ptr<MemoryPool::Arena> arenaOf(const void* memory) {
    const std::shared_lock lock(mutex_);
    const auto found =
        std::find_if(arenas_.begin(), arenas_.end(), [&](const auto& arena) { return arena->has(memory); });
    return found == arenas_.end() ? nullptr : *found;
  }

  static void release(void* memory) {
    PoolAllocator& allocator = get();
    const auto arena = allocator.arenaOf(memory);
    if (!arena) {
      allocator.next_.raw_deallocate(memory);
    } else if (arena->release(memory)) {
      allocator.remove(arena.get());
    }
  }

  c10::Allocator& next_;
  std::shared_mutex mutex_;
  std::vector<std::shared_ptr<MemoryPool::Arena>> arenas_;
};

MemoryPool::MemoryPool() : arena_(std::make_shared<Arena>()) {
  if (arena_->hasAddresses()) PoolAllocator::get().add(arena_);
}

MemoryPool::~MemoryPool() {
  if (arena_->hasAddresses() && arena_->close()) PoolAllocator::get().remove(arena_.get());
}

MemoryPool::Scope::Scope(const MemoryPool& pool) : outer_(current_pool) {
  current_pool = &pool;
}

MemoryPool::Scope::Scope() : outer_(current_pool) {
  if (outer_ == nullptr) current_pool = &own_.emplace();
}

MemoryPool::Scope::~Scope() {
  current_pool = outer_;
}

}  // namespace cameo
