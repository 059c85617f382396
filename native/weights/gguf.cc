#include "weights/gguf.h"

#include <c10/util/StringUtil.h>
#include <c10/util/safe_numerics.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "weights/byte_reader.h"
#include "weights/ggml_blocks.h"
#include "weights/layout.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

constexpr std::string_view kGgufMagic = "GGUF";
constexpr uint64_t kLongestGgufHeader = 100'000'000;
constexpr uint32_t kOldestVersion = 2, kNewestVersion = 3;
constexpr uint32_t kMostDims = 4;
constexpr std::string_view kAlignmentKey = "general.alignment";
/// Behind it stands the name of a tensor whose rows were made longer, so that blocks fit into them.
constexpr std::string_view kShapeKey = "comfy.gguf.orig_shape.";

enum FieldType : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kText, kList, kU64, kI64, kF64 };
/// Bytes of a value; 0 where they are not the same for all.
constexpr std::array<uint64_t, 13> kFieldBytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

struct NumberType {
  uint32_t number;
  std::string_view name;
  std::optional<at::ScalarType> dtype = std::nullopt;  // of those that are not in blocks
};

constexpr auto kNumberTypes = std::to_array<NumberType>({
    {0, "f32", at::kFloat},
    {1, "f16", at::kHalf},
    {2, "q4_0"},
    {3, "q4_1"},
    {6, "q5_0"},
    {7, "q5_1"},
    {8, "q8_0"},
    {9, "q8_1"},
    {10, "q2_k"},
    {11, "q3_k"},
    {12, "q4_k"},
    {13, "q5_k"},
    {14, "q6_k"},
    {15, "q8_k"},
    {16, "iq2_xxs"},
    {17, "iq2_xs"},
    {18, "iq3_xxs"},
    {19, "iq1_s"},
    {20, "iq4_nl"},
    {21, "iq3_s"},
    {22, "iq2_s"},
    {23, "iq4_xs"},
    {24, "i8", at::kChar},
    {25, "i16", at::kShort},
    {26, "i32", at::kInt},
    {27, "i64", at::kLong},
    {28, "f64", at::kDouble},
    {29, "iq1_m"},
    {30, "bf16", at::kBFloat16},
    {34, "tq1_0"},
    {35, "tq2_0"},
    {39, "mxfp4"},
});

std::string numberTypeName(uint32_t number) {
  for (const NumberType& type : kNumberTypes) {
    if (type.number == number) return std::string(type.name);
  }
  return c10::str("number ", number);
}

class GgufFile {
 public:
  explicit GgufFile(std::shared_ptr<const MappedFile> file)
      : file_(std::move(file)),
        reader_(file_->bytes().first(std::min(file_->size(), kLongestGgufHeader)), file_->path()) {}

  TensorSource read() {
    source_.path = file_->path();
    source_.format = "gguf";
    source_.files = {file_->path()};
    reader_.skip(kGgufMagic.size());
    checkVersion(reader_.number<uint32_t>());
    const auto tensors = reader_.number<uint64_t>(), fields = reader_.number<uint64_t>();
    if (tensors > kMaxTensors) damaged(c10::str("it claims ", tensors, " tensors"));
    if (fields > kMaxTensors) damaged(c10::str("it claims ", fields, " fields"));
    for (uint64_t i = 0; i < fields; ++i) readField();
    for (uint64_t i = 0; i < tensors; ++i) source_.entries.push_back(readTensor());
    place();
    return std::move(source_);
  }

 private:
  [[noreturn]] void damaged(const std::string& why) const {
    failFormat(file_->path(), "damaged GGUF file: " + why);
  }

  void checkVersion(uint32_t version) const {
    if ((version & 0xffff) == 0 && version != 0)
      failFormat(file_->path(), "it was saved on a big-endian machine; save it again on a little-endian one");
    if (version < kOldestVersion || version > kNewestVersion) {
      failFormat(file_->path(), c10::str("this is a GGUF file of version ", version,
                                         "; versions 2 and 3 are read: convert it again"));
    }
  }

  std::string_view text() {
    const std::string_view text = reader_.text(reader_.number<uint64_t>());
    if (!isUtf8(text)) damaged(quote(text) + " is no UTF-8");
    return text;
  }

  void readField() {
    const std::string_view key = text();
    if (!keys_.insert(key).second) damaged("the field " + quote(key) + " is there twice");
    const auto type = reader_.number<uint32_t>();
    if (type == kList) return readList(key);
    const std::string value = type == kText ? std::string(text()) : numberText(type);
    if (key == kAlignmentKey) {
      alignment_ = type == kU32 ? std::stoul(value) : 0;
      if (!std::has_single_bit(alignment_)) damaged(quote(key) + " is " + quote(value));
    }
    source_.metadata.emplace(key, value);
  }

  std::string numberText(uint32_t type) {
    switch (type) {
      case kU8:
        return std::to_string(reader_.number<uint8_t>());
      case kI8:
        return std::to_string(reader_.number<int8_t>());
      case kU16:
        return std::to_string(reader_.number<uint16_t>());
      case kI16:
        return std::to_string(reader_.number<int16_t>());
      case kU32:
        return std::to_string(reader_.number<uint32_t>());
      case kI32:
        return std::to_string(reader_.number<int32_t>());
      case kF32:
        return std::to_string(reader_.number<float>());
      case kBool:
        return reader_.number<uint8_t>() != 0 ? "true" : "false";
      case kU64:
        return std::to_string(reader_.number<uint64_t>());
      case kI64:
        return std::to_string(reader_.number<int64_t>());
      case kF64:
        return std::to_string(reader_.number<double>());
      default:
        damaged(c10::str("a field has the unknown type ", type));
    }
  }

  /// Keeps none but a tensor's shape: others, such as a tokenizer's words, are of no use here.
  void readList(std::string_view key) {
    const auto type = reader_.number<uint32_t>();
    const auto count = reader_.number<uint64_t>();
    if (key.starts_with(kShapeKey)) {
      if (type != kI32 || count > kMaxDims) damaged(quote(key) + " is no shape");
      std::vector<int64_t>& shape = shapes_[key.substr(kShapeKey.size())];
      for (uint64_t i = 0; i < count; ++i) shape.push_back(reader_.number<int32_t>());
    } else if (type == kText) {
      for (uint64_t i = 0; i < count; ++i) reader_.skip(reader_.number<uint64_t>());
    } else {
      const uint64_t bytes = type < kFieldBytes.size() ? kFieldBytes[type] : 0;
      if (bytes == 0) damaged(quote(key) + c10::str(" is a list of the unknown type ", type));
      if (count > reader_.remaining() / bytes) damaged(quote(key) + " goes on behind the end");
      reader_.skip(count * bytes);
    }
  }

  /// `offset` counts from where the tensors begin.
  TensorEntry readTensor() {
    TensorEntry entry;
    const std::string_view name = text();
    if (name.empty()) damaged("a tensor has no name");
    entry.name = name;
    if (!names_.insert(name).second) damaged(quote(entry.name) + " is there twice");
    const auto dims = reader_.number<uint32_t>();
    if (dims > kMostDims) damaged(c10::str(quote(entry.name), " has ", dims, " dimensions"));
    // The innermost dimension is the first one here.
    entry.shape.resize(dims);
    for (uint32_t i = dims; i-- > 0;) entry.shape[i] = static_cast<int64_t>(reader_.number<uint64_t>());
    setType(entry, reader_.number<uint32_t>());
    entry.offset = reader_.number<uint64_t>();
    setShape(entry);
    entry.file = file_;
    return entry;
  }

  void setType(TensorEntry& entry, uint32_t number) const {
    for (const NumberType& type : kNumberTypes) {
      if (type.number != number) continue;
      entry.dtype = type.dtype.value_or(at::kFloat);
      entry.blocks = findBlockType(type.name);
      if (type.dtype || entry.blocks != nullptr) return;
    }
    failFormat(file_->path(), c10::str(quote(entry.name), " has numbers of the type ", numberTypeName(number),
                                       ", which is not supported; get the model in q8_0, q6_k, q5_k, q4_k or "
                                       "f16, or as safetensors"));
  }

  void setShape(TensorEntry& entry) {
    const uint64_t numbers = entry.blocks == nullptr ? 1 : entry.blocks->numbers;
    const uint64_t bytes = entry.blocks == nullptr ? c10::elementSize(entry.dtype) : entry.blocks->bytes;
    const uint64_t row = entry.shape.empty() ? 1 : entry.shape.back();
    const auto strides = rowMajorStrides(entry.shape);
    const auto elements = strides ? elementSpan(entry.shape, *strides) : std::nullopt;
    if (!elements || row % numbers != 0 || c10::mul_overflows(*elements / numbers, bytes, &entry.span)) {
      damaged(c10::str(quote(entry.name), " of shape ", shapeText(entry.shape), " can't be of ",
                       storedTypeName(entry)));
    }
    entry.strides = *strides;
    const auto found = shapes_.find(entry.name);
    if (found == shapes_.end()) return;
    const auto original = rowMajorStrides(found->second);
    if (!original || elementSpan(found->second, *original) != elements) {
      damaged(c10::str(quote(entry.name), " of shape ", shapeText(entry.shape), " was never of ",
                       shapeText(found->second)));
    }
    entry.shape = found->second;
    entry.strides = *original;
  }

  uint64_t aligned(uint64_t position) const { return (position + alignment_ - 1) / alignment_ * alignment_; }

  /// Tensors follow one another, each where the alignment allows.
  void place() {
    const uint64_t data = aligned(reader_.position());
    uint64_t next = 0;
    for (TensorEntry& entry : source_.entries) {
      const uint64_t left = file_->size() - std::min(data + next, file_->size());
      if (entry.offset != next) {
        damaged(c10::str(quote(entry.name), " lies at byte ", entry.offset, " instead of ", next));
      }
      if (entry.span > left) {
        damaged(c10::str(quote(entry.name), " has ", entry.span, " bytes, the file has ", left,
                         " left; it may be cut short: fetch it again"));
      }
      entry.offset += data;
      next = aligned(next + entry.span);
    }
  }

  std::shared_ptr<const MappedFile> file_;
  ByteReader reader_;
  uint64_t alignment_ = 32;
  std::map<std::string_view, std::vector<int64_t>> shapes_;  // by the tensors' names
  std::unordered_set<std::string_view> keys_;
  std::unordered_set<std::string_view> names_;
  TensorSource source_;
};

}  // namespace

bool isGguf(const MappedFile& file) {
  return file.text().starts_with(kGgufMagic);
}

TensorSource readGguf(std::shared_ptr<const MappedFile> file) {
  return GgufFile(std::move(file)).read();
}

}  // namespace cameo::weights
