#include "weights/torch_zip.h"

#include <c10/util/StringUtil.h>

#include "weights/state_dict.h"
#include "weights/text.h"
#include "weights/unpickler.h"
#include "weights/zip_archive.h"

namespace cameo::weights {

namespace {

// torch.save names every entry `<archive's name>/...`. Returns that prefix, '/' included.
std::string_view findRoot(const ZipArchive& archive) {
  static constexpr std::string_view kPickle = "/data.pkl";
  const std::string& path = archive.file()->path();
  std::string_view root;
  for (const ZipArchive::Entry& entry : archive.entries()) {
    const std::string_view name = entry.name;
    if (!name.ends_with(kPickle) || name.find('/') != name.size() - kPickle.size()) continue;
    if (!root.empty()) failFormat(path, "this zip archive holds several pickles");
    root = name.substr(0, name.size() - kPickle.size() + 1);
  }
  if (root.empty()) failFormat(path, "this is a zip archive, but not one of torch.save: it has no data.pkl");
  return root;
}

void checkKind(const ZipArchive& archive, const std::string& root) {
  const std::string& path = archive.file()->path();
  if (archive.find(root + "constants.pkl") != nullptr) {
    failFormat(path, "this is a TorchScript program; its state dict is needed, saved with torch.save");
  }
  const ZipArchive::Entry* order = archive.find(root + "byteorder");
  if (order != nullptr && archive.text(*order) != "little") {
    failFormat(path, "it was saved on a big-endian machine; save it again on a little-endian one");
  }
}

}  // namespace

TensorSource readTorchZip(std::shared_ptr<const MappedFile> file) {
  const std::string& path = file->path();
  const ZipArchive archive(file);
  const std::string root(findRoot(archive));
  checkKind(archive, root);
  const auto storage_bytes = [&](const PickleStorage& storage) -> StorageBytes {
    const ZipArchive::Entry* entry = archive.find(c10::str(root, "data/", storage.key));
    if (entry == nullptr)
      failFormat(path, "damaged archive: the storage " + quote(storage.key) + " is missing");
    const uint64_t unit = elementBytes(storage);
    if (storage.numel < 0 || entry->size % unit != 0 ||
        entry->size / unit != static_cast<uint64_t>(storage.numel)) {
      failFormat(path, c10::str("damaged archive: the storage ", quote(storage.key), " has ", entry->size,
                                " bytes for ", storage.numel, " elements"));
    }
    return {entry->offset, entry->size};
  };
  Unpickler machine(archive.text(*archive.find(root + "data.pkl")), path);
  TensorSource source;
  source.path = path;
  source.format = "torch zip";
  source.files = {path};
  readStateDict(machine.run(), file, storage_bytes, source);
  return source;
}

}  // namespace cameo::weights
