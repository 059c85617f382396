#include "weights/convert/writing.h"

#include <filesystem>

#include "weights/atomic_file.h"
#include "weights/available_memory.h"
#include "weights/safetensors.h"

namespace cameo::weights {

namespace {

void createFolderOf(const std::string& path) {
  std::error_code error;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);  // writing says what is wrong
}

}  // namespace

void Writing::weights(const std::string& path, const NamedTensors& tensors,
                      std::map<std::string, std::string> metadata) {
  createFolderOf(path);
  metadata.try_emplace("format", "pt");  // which loaders ask for
  writeSafetensors(path, tensors, metadata, [&] {
    cancellation_.check();
    on_tensor_(++done_, total_);
  });
  files_.push_back(path);
}

void Writing::json(const std::string& path, const nlohmann::json& content) {
  createFolderOf(path);
  const std::string text = content.dump(2) + "\n";
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
  files_.push_back(path);
}

NamedTensors tensorsOf(const Layer& layer) {
  const std::vector<TensorEntry> entries = renamed(layer).entries;
  uint64_t decoded = 0;
  for (const TensorEntry& entry : entries) {
    if (entry.blocks != nullptr) decoded += static_cast<uint64_t>(entry.numel()) * sizeof(float);
  }
  requireMemory(decoded, "converting " + layer.source->path, "take the model as safetensors");
  NamedTensors tensors;
  for (const TensorEntry& entry : entries) tensors.emplace_back(entry.name, entry.view());
  return tensors;
}

}  // namespace cameo::weights
