#undef _FORTIFY_SOURCE  // its longjmp takes another stack for a broken one
#include "cuda/emulated_device.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <ucontext.h>

#include <csetjmp>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

namespace cameo::cuda {

namespace {

constexpr int kWarp = 32;
constexpr size_t kStackBytes = 64 * 1024;

struct Copy {
  uint32_t to;
  const void* from;
  uint32_t bytes;
};

/// A thread is a context of its own, left where it has to wait for others.
struct Thread {
  int index = 0;
  ucontext_t start{};
  jmp_buf place{};  // of whoever is not running; switching by it spares swapcontext's system call
  std::vector<char> stack = std::vector<char>(kStackBytes);
  bool started = false, at_barrier = false, done = false;
  std::vector<Copy> copies;
};

/// What a warp does together; the last lane to come does it for all.
struct Meeting {
  const char* what = nullptr;
  void* lanes[kWarp] = {};
  int arrived = 0;
  int64_t number = 0;
};

struct Block {
  std::vector<Thread> threads;
  std::vector<Meeting> meetings;
  std::vector<uint8_t> shared;
  const std::function<void()>* body = nullptr;
  int column = 0, row = 0;
  Thread* current = nullptr;
  jmp_buf place{};  // of the scheduler
  std::exception_ptr failure;
};

thread_local Block* block = nullptr;

void yield() {
  if (_setjmp(block->current->place) == 0) _longjmp(block->place, 1);
}

void runThread() {
  try {
    (*block->body)();
  } catch (...) {
    block->failure = std::current_exception();
  }
  block->current->done = true;
  _longjmp(block->place, 1);
}

/// Until the thread waits or is done.
void resume(Block& block, Thread& thread) {
  block.current = &thread;
  if (_setjmp(block.place) != 0) return;
  if (thread.started) _longjmp(thread.place, 1);
  thread.started = true;
  setcontext(&thread.start);
}

/// Waits until all lanes of the warp have called it, each with its own `mine`.
template <typename Lane>
void together(const char* what, Lane& mine, void (*all)(Lane* const* lanes)) {
  Meeting& meeting = block->meetings[block->current->index / kWarp];
  if (meeting.arrived > 0 && meeting.what != what) {
    throw std::logic_error(std::string("lanes of a warp part: ") + meeting.what + ", " + what);
  }
  meeting.what = what;
  meeting.lanes[block->current->index % kWarp] = &mine;
  const int64_t number = meeting.number;
  if (++meeting.arrived == kWarp) {
    Lane* lanes[kWarp];
    for (int i = 0; i < kWarp; ++i) lanes[i] = static_cast<Lane*>(meeting.lanes[i]);
    meeting.arrived = 0;
    ++meeting.number;
    all(lanes);
  } else {
    while (meeting.number == number) yield();
  }
}

/// Runs a warp until all its threads are at a barrier or done.
void runWarp(Block& block, int warp) {
  for (bool moving = true; moving;) {
    moving = false;
    bool waits = false;
    const int64_t before = block.meetings[warp].number;
    for (int i = warp * kWarp; i < (warp + 1) * kWarp; ++i) {
      Thread& thread = block.threads[i];
      if (thread.done || thread.at_barrier) continue;
      resume(block, thread);
      if (block.failure) std::rethrow_exception(block.failure);
      waits |= !thread.done && !thread.at_barrier;
    }
    moving = waits && block.meetings[warp].number != before;
    if (waits && !moving) throw std::logic_error("some lanes of a warp wait for others that are elsewhere");
  }
}

void start(Thread& thread) {
  thread.started = thread.done = thread.at_barrier = false;
  thread.copies.clear();
  getcontext(&thread.start);
  thread.start.uc_stack.ss_sp = thread.stack.data();
  thread.start.uc_stack.ss_size = thread.stack.size();
  makecontext(&thread.start, runThread, 0);
}

void runBlock(Block& block, int turn) {
  std::memset(block.shared.data(), 0xff, block.shared.size());
  for (Thread& thread : block.threads) start(thread);
  const int warps = static_cast<int>(block.meetings.size());
  for (bool done = false; !done; ++turn) {
    for (int i = 0; i < warps; ++i)
      runWarp(block, turn % 2 == 0 ? (i + turn) % warps : (warps - 1 - i + turn) % warps);
    done = true;
    for (Thread& thread : block.threads) {
      if (thread.at_barrier != block.threads[0].at_barrier)
        throw std::logic_error("a thread misses a barrier");
      done &= thread.done;
    }
    for (Thread& thread : block.threads) thread.at_barrier = false;
  }
}

uint8_t* shared(uint32_t address, uint32_t bytes) {
  if (address % bytes != 0 || address + bytes > block->shared.size()) {
    throw std::out_of_range("no such shared memory: " + std::to_string(address));
  }
  return block->shared.data() + address;
}

float toFloat(Precision precision, uint16_t bits) {
  return precision == Precision::Float16
             ? static_cast<float>(c10::Half(bits, c10::Half::from_bits()))
             : static_cast<float>(c10::BFloat16(bits, c10::BFloat16::from_bits()));
}

uint16_t toBits(Precision precision, float value) {
  return precision == Precision::Float16 ? c10::Half(value).x : c10::BFloat16(value).x;
}

/// The 16-bit number that lane `lane` holds in register `i`, first or second half.
float element(Precision precision, uint32_t pair, int half) {
  return toFloat(precision, static_cast<uint16_t>(pair >> (16 * half)));
}

struct MatrixLoad {
  uint32_t row;
  uint32_t* to;
  int count;
  bool transposed;
};

void loadTogether(MatrixLoad* const* lanes) {
  for (int matrix = 0; matrix < lanes[0]->count; ++matrix) {
    uint16_t values[8][8];
    int banks = 0;  // groups of four
    for (int row = 0; row < 8; ++row) {
      const uint32_t address = lanes[8 * matrix + row]->row;
      std::memcpy(values[row], shared(address, 16), 16);
      banks |= 1 << address / 16 % 8;
    }
    if (banks != 0xff) throw std::logic_error("rows of a matrix share banks");
    for (int lane = 0; lane < kWarp; ++lane) {
      const int major = lane / 4, minor = lane % 4 * 2;
      const bool turned = lanes[0]->transposed;
      const uint32_t low = turned ? values[minor][major] : values[major][minor];
      const uint32_t high = turned ? values[minor + 1][major] : values[major][minor + 1];
      lanes[lane]->to[matrix] = low | high << 16;
    }
  }
}

void load(uint32_t* to, int count, uint32_t row, bool transposed) {
  MatrixLoad mine{row, to, count, transposed};
  together(transposed ? "ldmatrix.trans" : "ldmatrix", mine, loadTogether);
}

struct Product {
  Precision precision;
  int steps;
  float* c;
  const uint32_t *a, *b;
};

void multiplyTogether(Product* const* lanes) {
  const Precision precision = lanes[0]->precision;
  const int depth = 8 * lanes[0]->steps;
  float a[16][16], b[16][8];
  for (int lane = 0; lane < kWarp; ++lane) {
    const int major = lane / 4, minor = lane % 4 * 2;
    for (int i = 0; i < 4 * lanes[0]->steps; ++i) {
      a[major + i / 2 % 2 * 8][minor + i / 4 * 8 + i % 2] = element(precision, lanes[lane]->a[i / 2], i % 2);
    }
    for (int i = 0; i < 2 * lanes[0]->steps; ++i) {
      b[minor + i / 2 * 8 + i % 2][major] = element(precision, lanes[lane]->b[i / 2], i % 2);
    }
  }
  for (int lane = 0; lane < kWarp; ++lane) {
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
      double sum = lanes[lane]->c[i];
      for (int k = 0; k < depth; ++k) sum += double{a[row][k]} * b[k][column];
      lanes[lane]->c[i] = static_cast<float>(sum);
    }
  }
}

struct Exchange {
  float value, result;
  int mask;
};

}  // namespace

int threadIndex() {
  return block->current->index;
}
int blockColumn() {
  return block->column;
}
int blockRow() {
  return block->row;
}

void syncThreads() {
  block->current->at_barrier = true;
  yield();
}

void copyAsync16(uint32_t to, const void* from, bool there) {
  if (there && reinterpret_cast<uintptr_t>(from) % 16 != 0)
    throw std::out_of_range("not on a multiple of 16 bytes");
  block->current->copies.push_back({to, there ? from : nullptr, 16});
}
void copyAsync4(uint32_t to, const void* from, bool there) {
  block->current->copies.push_back({to, there ? from : nullptr, 4});
}
void waitForCopies() {
  for (const Copy& copy : block->current->copies) {
    uint8_t* to = shared(copy.to, copy.bytes);
    if (copy.from != nullptr) std::memcpy(to, copy.from, copy.bytes);
    if (copy.from == nullptr) std::memset(to, 0, copy.bytes);
  }
  block->current->copies.clear();
}

void storeShared(uint32_t to, uint32_t value) {
  std::memcpy(shared(to, sizeof value), &value, sizeof value);
}
void storeShared(uint32_t to, float value) {
  std::memcpy(shared(to, sizeof value), &value, sizeof value);
}
void storeShared(uint32_t to, float4 value) {
  std::memcpy(shared(to, sizeof value), &value, sizeof value);
}
float2 loadShared2(uint32_t from) {
  float2 value;
  std::memcpy(&value, shared(from, sizeof value), sizeof value);
  return value;
}
float4 loadShared4(uint32_t from) {
  float4 value;
  std::memcpy(&value, shared(from, sizeof value), sizeof value);
  return value;
}

void loadMatrices(uint32_t (&to)[4], uint32_t row) {
  load(to, 4, row, false);
}
void loadMatrices(uint32_t (&to)[2], uint32_t row) {
  load(to, 2, row, false);
}
void loadTransposed(uint32_t (&to)[4], uint32_t row) {
  load(to, 4, row, true);
}
void loadTransposed(uint32_t (&to)[2], uint32_t row) {
  load(to, 2, row, true);
}

void multiplyAdd(Precision precision, int steps, float* c, const uint32_t* a, const uint32_t* b) {
  Product mine{precision, steps, c, a, b};
  together(steps == 2 ? "mma.m16n8k16" : "mma.m16n8k8", mine, multiplyTogether);
}

float exchange(float value, int mask) {
  Exchange mine{value, 0, mask};
  together<Exchange>("shfl.bfly", mine, [](Exchange* const* lanes) {
    for (int i = 0; i < kWarp; ++i) lanes[i]->result = lanes[i ^ lanes[i]->mask]->value;
  });
  return mine.result;
}

bool anyInWarp(bool value) {
  bool mine = value;
  together<bool>("vote.any", mine, [](bool* const* lanes) {
    bool any = false;
    for (int i = 0; i < kWarp; ++i) any |= *lanes[i];
    for (int i = 0; i < kWarp; ++i) *lanes[i] = any;
  });
  return mine;
}

uint32_t pack(Precision precision, float low, float high) {
  return toBits(precision, low) | uint32_t{toBits(precision, high)} << 16;
}
float2 unpack(Precision precision, uint32_t pair) {
  return {element(precision, pair, 0), element(precision, pair, 1)};
}

void addFragment(float* to, int lane, const float (&c)[4]) {
  for (int i = 0; i < 4; ++i) to[4 * lane + i] += c[i];
}
float4 readFragment(const float* from, int lane) {
  return {from[4 * lane], from[4 * lane + 1], from[4 * lane + 2], from[4 * lane + 3]};
}

void runGrid(const std::function<void()>& thread, int threads, int shared_bytes, int columns, int rows) {
  Block here;
  here.threads.resize(threads);
  here.meetings.resize(threads / kWarp);
  here.shared.resize(shared_bytes);
  here.body = &thread;
  for (int i = 0; i < threads; ++i) here.threads[i].index = i;
  block = &here;
  int turn = 0;
  for (here.row = 0; here.row < rows; ++here.row) {
    for (here.column = 0; here.column < columns; ++here.column) runBlock(here, turn++);
  }
  block = nullptr;
}

}  // namespace cameo::cuda
