#include "core/memory_pool.h"

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>

#include <fstream>

#include "harness.h"

namespace cameo::test {

namespace {

constexpr int64_t kNumbers = 4 << 20;  // 16 MiB

at::Tensor flag(bool value) {
  return at::full({1}, value ? 1.0 : 0.0);
}

int64_t residentPages() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident;
}

/// Each output is 1 where what its name says is so.
Tensors memoryPool(const Json&, const Tensors&) {
  Tensors result;
  at::Tensor survivor;
  int64_t full = 0;
  {
    const MemoryPool pool;
    const MemoryPool::Scope pooled(pool);
    at::Tensor first = at::ones({kNumbers}), second = at::ones({kNumbers});
    const void* address = first.const_data_ptr();
    first.reset();
    const at::Tensor third = at::ones({kNumbers - 1000});
    result["used again"] = flag(third.const_data_ptr() == address);
    second.reset();
    survivor = at::full({kNumbers}, 7.0);
    {
      const MemoryPool::Scope inner;
      const at::Tensor fourth = at::ones({kNumbers});
      result["one pool within another scope"] =
          flag(std::abs(fourth.const_data_ptr<float>() - third.const_data_ptr<float>()) < 8 * kNumbers);
    }
    std::vector<at::Tensor> many;
    for (int i = 0; i < 8; ++i) many.push_back(at::ones({kNumbers}));
    void* raw = c10::GetCPUAllocator()->raw_allocate(kNumbers);
    c10::GetCPUAllocator()->raw_deallocate(raw);
    full = residentPages();
  }
  // 8 of 16 MiB went back, those of the survivor did not.
  result["given back"] = flag((full - residentPages()) * 4096 > 7 * 4 * kNumbers);
  result["survivor"] = flag(survivor.eq(7.0).all().item<bool>());
  survivor.reset();
  result["nothing left"] = flag((full - residentPages()) * 4096 > 8 * 4 * kNumbers);
  return result;
}

}  // namespace

const bool kMemoryPoolRegistered = addProbe("core.memory_pool", memoryPool);

}  // namespace cameo::test
