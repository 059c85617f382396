#include "weights/torch_legacy.h"

#include <c10/util/StringUtil.h>

#include <map>

#include "weights/state_dict.h"
#include "weights/text.h"
#include "weights/unpickler.h"

namespace cameo::weights {

namespace {

using Kind = PickleValue::Kind;
using Storages = std::map<std::string_view, StorageBytes>;
using Units = std::map<std::string_view, uint64_t>;

// The pickled magic number 0x1950a86a20f9469cfc6c, then the pickled protocol version 1001.
constexpr std::string_view kMagic{
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.", 21};

void checkByteOrder(const PickleValue& system, const std::string& path) {
  for (size_t i = 0; i + 1 < system.items.size(); i += 2) {
    const PickleValue& value = *system.items[i + 1];
    if (system.items[i]->text == "little_endian" && value.kind == Kind::Int && value.integer == 0) {
      failFormat(path, "it was saved on a big-endian machine; save it again on a little-endian one");
    }
  }
}

// Storages follow the pickles in the order of `keys`: the count of elements, 8 bytes, then the elements.
// `units` has the bytes of an element by key.
Storages walkStorages(const PickleValue& keys, ByteReader reader, const Units& units) {
  Storages storages;
  for (const PickleValue* key : keys.items) {
    const auto unit = units.find(key->text);
    if (unit == units.end()) failFormat(reader.path(), "damaged pickle: a storage that nothing refers to");
    const auto count = reader.number<uint64_t>();
    if (count > reader.remaining() / unit->second) {
      failFormat(reader.path(), "the file is damaged or cut short: fetch it again");
    }
    storages[key->text] = {reader.position(), count * unit->second};
    reader.skip(count * unit->second);
  }
  return storages;
}

}  // namespace

bool isTorchLegacy(const MappedFile& file) {
  return file.text().starts_with(kMagic);
}

TensorSource readTorchLegacy(std::shared_ptr<const MappedFile> file) {
  const std::string& path = file->path();
  const std::string_view text = file->text();
  uint64_t position = kMagic.size();
  Unpickler system(text.substr(position), path);
  checkByteOrder(system.run(), path);
  position += system.length();
  Unpickler object(text.substr(position), path);
  const PickleValue& root = object.run();
  position += object.length();
  Unpickler list(text.substr(position), path);
  const PickleValue& keys = list.run();
  position += list.length();

  Units units;
  for (const PickleStorage& storage : object.storages()) units[storage.key] = elementBytes(storage);
  const Storages storages = walkStorages(keys, ByteReader(file->bytes(), path, position), units);
  TensorSource source;
  source.path = path;
  source.format = "torch legacy";
  source.files = {path};
  const auto storage_bytes = [&](const PickleStorage& storage) -> StorageBytes {
    const auto found = storages.find(storage.key);
    if (found == storages.end()) failFormat(path, "damaged pickle: a tensor's storage is missing");
    return found->second;
  };
  readStateDict(root, file, storage_bytes, source);
  return source;
}

}  // namespace cameo::weights
