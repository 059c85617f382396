#include "weights/unpickler.h"

#include <c10/util/StringUtil.h>

#include <charconv>

#include "weights/pickle_globals.h"

namespace cameo::weights {

namespace {

// Values, references in containers and memo entries together: some 200 bytes each at worst. The largest
// public checkpoints of this family need a few ten thousand.
constexpr size_t kBudget = 2'000'000;
constexpr size_t kDescription = 8;  // a tensor or storage is worth several values
constexpr size_t kLongestLine = 4096;
constexpr uint8_t kStop = '.';

}  // namespace

Unpickler::Unpickler(std::string_view pickle, const std::string& path)
    : reader_(std::as_bytes(std::span(pickle)), path), pickle_(pickle), budget_(kBudget) {}

const PickleValue& Unpickler::run() {
  for (;;) {
    const auto opcode = reader_.number<uint8_t>();
    if (opcode == kStop) break;
    const bool is_known = number(opcode) || text(opcode) || container(opcode) || update(opcode) ||
                          stack(opcode) || memo(opcode) || object(opcode) || refused(opcode);
    if (!is_known) damaged(c10::str("unknown instruction ", static_cast<int>(opcode)));
  }
  return pop();
}

PickleValue* Unpickler::push(PickleValue value) {
  charge(1);
  stack_.push_back(&values_.emplace_back(std::move(value)));
  return stack_.back();
}

void Unpickler::pushInt(int64_t value) {
  PickleValue* pushed = push({});
  pushed->kind = Kind::Int;
  pushed->integer = value;
}

// Little-endian two's complement. Longer ones than 64 bits are no shape or offset.
void Unpickler::pushLong(uint64_t length) {
  const std::string_view bytes = reader_.text(length);
  if (length > sizeof(int64_t)) return pushPlain();
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), length);
  const bool is_negative = length > 0 && (static_cast<uint8_t>(bytes.back()) & 0x80) != 0;
  if (is_negative && length < sizeof(int64_t)) value |= ~uint64_t{0} << (8 * length);
  pushInt(static_cast<int64_t>(value));
}

void Unpickler::pushDecimal(std::string_view digits) {
  if (digits.ends_with('L')) digits.remove_suffix(1);
  int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value);
  if (rest != end || digits.empty()) damaged("a number that is none");
  if (error == std::errc::result_out_of_range) return pushPlain();
  pushInt(value);
}

void Unpickler::pushText(std::string_view text) {
  PickleValue* pushed = push({});
  if (!isUtf8(text)) return;  // Python 2's strings may be bytes
  pushed->kind = Kind::Text;
  pushed->text = text;
}

void Unpickler::pushItems(Kind kind, std::vector<const PickleValue*> items) {
  if (kind == Kind::Dict && items.size() % 2 != 0) damaged("a key without a value");
  charge(items.size());
  PickleValue* pushed = push({});
  pushed->kind = kind;
  pushed->items = std::move(items);
}

PickleValue& Unpickler::pop() {
  PickleValue& value = top();
  stack_.pop_back();
  return value;
}

PickleValue& Unpickler::top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) damaged("an instruction lacks its operand");
  return *stack_.back();
}

std::vector<const PickleValue*> Unpickler::popItems(size_t count) {
  std::vector<const PickleValue*> items(count);
  while (count-- > 0) items[count] = &pop();
  return items;
}

std::vector<const PickleValue*> Unpickler::popToMark() {
  if (marks_.empty()) damaged("a mark is missing");
  const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<const PickleValue*> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  marks_.pop_back();
  return items;
}

void Unpickler::append(PickleValue& container, const std::vector<const PickleValue*>& items) {
  if (container.kind == Kind::Dict && items.size() % 2 != 0) damaged("a key without a value");
  charge(items.size());
  container.items.insert(container.items.end(), items.begin(), items.end());
}

void Unpickler::remember(uint64_t index) {
  charge(1);
  memo_[index] = &top();
}

void Unpickler::recall(uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) damaged("it recalls a value that it never made");
  charge(1);
  stack_.push_back(found->second);
}

uint64_t Unpickler::lineIndex() {
  const std::string_view digits = line();
  uint64_t index = 0;
  const char* end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, index);
  if (rest != end || error != std::errc() || digits.empty()) damaged("a number that is none");
  return index;
}

std::string_view Unpickler::line() {
  const std::string_view rest = pickle_.substr(reader_.position(), kLongestLine);
  const size_t length = rest.find('\n');
  if (length == std::string_view::npos) damaged("a line without an end");
  reader_.skip(length + 1);
  return rest.substr(0, length);
}

void Unpickler::global(std::string_view module, std::string_view name) {
  const int64_t index = findGlobal(module, name, reader_.path());
  PickleValue* pushed = push({});
  pushed->kind = Kind::Global;
  pushed->integer = index;
}

void Unpickler::reduce() {
  const PickleValue& args = pop();
  const PickleValue& function = pop();
  if (function.kind != Kind::Global || args.kind != Kind::Tuple)
    damaged("a call of something that is no function");
  PickleValue* result = push(applyGlobal(globalAt(function.integer), args, reader_.path()));
  charge(result->items.size() + (result->tensor ? kDescription : 0));
}

void Unpickler::persistentId() {
  const PickleValue* storage = push(storageOf(pop(), reader_.path()));
  charge(kDescription);
  storages_.push_back(storage->tensor->storage);
}

// Of an object only a ParameterDict is made, as a dictionary: the first programs for textual inversion saved
// it.
void Unpickler::newObject() {
  pop();
  const PickleValue& type = pop();
  const bool is_dict = type.kind == Kind::Global && globalAt(type.integer).kind == GlobalKind::ParameterDict;
  if (!is_dict) refusePickle(reader_.path(), "make an object of a class");
  pushItems(Kind::Dict, {});
}

// torch's state dicts carry their `_metadata` as an attribute of the OrderedDict, and a ParameterDict its
// items in `_parameters`.
void Unpickler::build() {
  const PickleValue& state = pop();
  if (top().kind != Kind::Dict) refusePickle(reader_.path(), "set the state of an object");
  if (state.kind != Kind::Dict) damaged("an attribute without a name");
  if (const PickleValue* parameters = itemNamed(state, "_parameters", Kind::Dict)) {
    append(top(), std::vector(parameters->items));  // they may be its own
  }
}

void Unpickler::charge(size_t values) {
  if (values > budget_) damaged("it has more than two million values");
  budget_ -= values;
}

void Unpickler::damaged(const std::string& why) const {
  failFormat(reader_.path(), c10::str("damaged pickle: ", why, " (byte ", reader_.position(), ")"));
}

}  // namespace cameo::weights
