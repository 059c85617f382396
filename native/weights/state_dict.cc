#include "weights/state_dict.h"

#include <c10/util/StringUtil.h>
#include <c10/util/safe_numerics.h>

#include <array>
#include <unordered_set>

#include "weights/layout.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

using Kind = PickleValue::Kind;

constexpr std::array<std::string_view, 4> kDictWrappers{"state_dict", "model", "module", "controlnet"};
constexpr int kDeepestWrapper = 4;
/// Dictionaries of tensors that are parts of one thing: the vectors of a word, the halves of an IP-Adapter.
constexpr std::array<std::string_view, 3> kSections{"string_to_param", "image_proj", "ip_adapter"};
constexpr std::string_view kWordName = "name";

bool holdsTensors(const PickleValue& dict) {
  for (size_t i = 1; i < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == Kind::Tensor) return true;
  }
  return false;
}

using Section = std::pair<std::string_view, const PickleValue*>;

std::vector<Section> sectionsOf(const PickleValue& root) {
  std::vector<Section> sections;
  for (const std::string_view name : kSections) {
    const PickleValue* dict = itemNamed(root, name, Kind::Dict);
    if (dict != nullptr && holdsTensors(*dict)) sections.emplace_back(name, dict);
  }
  return sections;
}

const PickleValue* wrapped(const PickleValue& dict) {
  for (const std::string_view wrapper : kDictWrappers) {
    if (const PickleValue* inner = itemNamed(dict, wrapper, Kind::Dict)) return inner;
  }
  return nullptr;
}

std::vector<std::string> keysOf(const PickleValue& dict) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == Kind::Text) keys.emplace_back(dict.items[i]->text);
  }
  return keys;
}

const PickleValue& findStateDict(const PickleValue& root, const std::string& path) {
  const PickleValue* dict = &root;
  for (int depth = 0; depth < kDeepestWrapper && dict->kind == Kind::Dict; ++depth) {
    const PickleValue* inner = wrapped(*dict);
    if (inner == nullptr) break;
    dict = inner;
  }
  if (dict->kind == Kind::Dict && holdsTensors(*dict)) return *dict;
  if (dict->kind != Kind::Dict)
    failFormat(path, "the pickle holds no state dict: a dictionary of tensors was expected");
  failFormat(path, c10::str("the pickle holds no state dict: its dictionary has ",
                            dict->items.empty() ? "no keys" : "the keys " + listNames(keysOf(*dict)),
                            " and no tensors"));
}

TensorEntry makeEntry(const PickleValue& key, const PickleTensor& tensor,
                      const std::shared_ptr<const MappedFile>& file, const StorageLookup& storage_bytes) {
  const std::string& path = file->path();
  if (key.kind != Kind::Text) failFormat(path, "damaged pickle: a tensor's name is no string");
  const PickleStorage& storage = tensor.storage;
  const StorageBytes bytes = storage_bytes(storage);
  const uint64_t unit = elementBytes(storage);
  const uint64_t size = c10::elementSize(tensor.dtype);
  const bool is_strided = tensor.shape.size() == tensor.strides.size();
  const auto elements = is_strided ? elementSpan(tensor.shape, tensor.strides) : std::nullopt;
  uint64_t begin = 0;
  uint64_t view = 0;
  uint64_t span = 0;
  const bool overflows = !elements || tensor.offset < 0 || storage.view_offset < 0 ||
                         c10::mul_overflows(static_cast<uint64_t>(tensor.offset), size, &begin) ||
                         c10::mul_overflows(static_cast<uint64_t>(storage.view_offset), unit, &view) ||
                         c10::add_overflows(begin, view, &begin) ||
                         c10::mul_overflows(*elements, size, &span);
  if (overflows || begin > bytes.size || span > bytes.size - begin) {
    failFormat(path, c10::str("damaged pickle: ", quote(key.text), " of shape ", shapeText(tensor.shape),
                              " does not fit its storage of ", bytes.size, " bytes"));
  }
  return {.name = std::string(key.text),
          .dtype = tensor.dtype,
          .shape = tensor.shape,
          .strides = tensor.strides,
          .file = file,
          .offset = bytes.offset + begin,
          .span = span};
}

}  // namespace

uint64_t elementBytes(const PickleStorage& storage) {
  return storage.dtype ? c10::elementSize(*storage.dtype) : 1;
}

void readStateDict(const PickleValue& root, const std::shared_ptr<const MappedFile>& file,
                   const StorageLookup& storage_bytes, TensorSource& source) {
  std::unordered_set<std::string> names;
  const std::vector<Section> sections = sectionsOf(root);
  const PickleValue* name = sections.empty() ? nullptr : itemNamed(root, kWordName, Kind::Text);
  if (name != nullptr) source.metadata[std::string(kWordName)] = name->text;
  const auto read = [&](const std::string& prefix, const PickleValue& dict) {
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      if (dict.items[i + 1]->kind != Kind::Tensor) continue;
      if (source.entries.size() == kMaxTensors)
        failFormat(file->path(), "the pickle holds more than 200000 tensors");
      TensorEntry entry = makeEntry(*dict.items[i], *dict.items[i + 1]->tensor, file, storage_bytes);
      entry.name = prefix + entry.name;
      if (!names.insert(entry.name).second) failFormat(file->path(), quote(entry.name) + " is there twice");
      source.entries.push_back(std::move(entry));
    }
  };
  for (const auto& [section, dict] : sections) read(c10::str(section, "."), *dict);
  if (sections.empty()) read("", findStateDict(root, file->path()));
}

}  // namespace cameo::weights
