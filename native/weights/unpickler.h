#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "weights/byte_reader.h"
#include "weights/pickle_value.h"

namespace cameo::weights {

/// A pickle machine (protocols 0 to 5) that knows plain values, tuples, lists, dictionaries, and what
/// torch.save writes for tensors, and that runs nothing. Time is linear in the pickle's length and memory is
/// bounded.
class Unpickler {
 public:
  /// `pickle` is a range of a mapped file, which the values refer to; `path` names the file in messages. Both
  /// must outlive the machine.
  Unpickler(std::string_view pickle, const std::string& path);

  /// The pickled value, which the machine owns. Throws `ErrorCode::WeightsUnsafe`, naming what was asked for,
  /// where the pickle asks for any other class or function, and `ErrorCode::WeightsFormat` where it is
  /// damaged.
  const PickleValue& run();

  /// The pickle's length, once it was run; the range may be longer.
  uint64_t length() const { return reader_.position(); }

  /// Every storage that the pickle referred to, in that order; some several times.
  const std::vector<PickleStorage>& storages() const { return storages_; }

 private:
  using Kind = PickleValue::Kind;

  bool number(uint8_t opcode);
  bool text(uint8_t opcode);
  bool container(uint8_t opcode);
  bool update(uint8_t opcode);
  bool stack(uint8_t opcode);
  bool memo(uint8_t opcode);
  bool object(uint8_t opcode);
  bool refused(uint8_t opcode);

  PickleValue* push(PickleValue value);
  void pushPlain() { push({}); }
  void pushInt(int64_t value);
  void pushLong(uint64_t length);
  void pushDecimal(std::string_view digits);
  void pushText(std::string_view text);
  void pushItems(Kind kind, std::vector<const PickleValue*> items);
  PickleValue& pop();
  PickleValue& top();
  std::vector<const PickleValue*> popItems(size_t count);
  std::vector<const PickleValue*> popToMark();
  void append(PickleValue& container, const std::vector<const PickleValue*>& items);

  void remember(uint64_t index);
  void recall(uint64_t index);
  uint64_t lineIndex();
  std::string_view line();

  void global(std::string_view module, std::string_view name);
  void reduce();
  void persistentId();
  void newObject();
  void build();

  void charge(size_t values);
  [[noreturn]] void damaged(const std::string& why) const;

  ByteReader reader_;
  std::string_view pickle_;
  std::deque<PickleValue> values_;  // flat, so that neither cycles nor depth matter to destruction
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;  // the stack's heights
  std::unordered_map<uint64_t, PickleValue*> memo_;
  std::vector<PickleStorage> storages_;
  size_t budget_;
};

}  // namespace cameo::weights
