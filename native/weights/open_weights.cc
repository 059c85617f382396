#include "weights/open_weights.h"

#include <cstring>
#include <filesystem>

#include "weights/guess.h"
#include "weights/safetensors.h"
#include "weights/sharded_index.h"
#include "weights/text.h"
#include "weights/torch_legacy.h"
#include "weights/torch_zip.h"
#include "weights/unpickler.h"

namespace cameo::weights {

namespace {

constexpr size_t kLengthBytes = 8;

bool isZip(std::string_view text) {
  return text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06");
}

bool isPickle(std::string_view text) {
  return text.size() > 1 && text[0] == '\x80' && text[1] > 0 && text[1] <= 5;
}

// After eight bytes of length, safetensors has its JSON header.
bool hasSafetensorsHeader(std::string_view text) {
  return text.size() > kLengthBytes && text[kLengthBytes] == '{';
}

// Asked before all else: the length's first bytes may be what other formats begin with.
bool isWholeSafetensors(std::string_view text) {
  if (!hasSafetensorsHeader(text)) return false;
  uint64_t length = 0;
  std::memcpy(&length, text.data(), kLengthBytes);
  return length <= text.size() - kLengthBytes;
}

bool isDamagedSafetensors(std::string_view text, const std::string& path) {
  return hasSafetensorsHeader(text) || std::filesystem::path(path).extension() == ".safetensors";
}

// A pickle without torch's frame around it holds no tensors, but says what it would have run.
[[noreturn]] void refuseBarePickle(const MappedFile& file) {
  Unpickler(file.text(), file.path()).run();
  failFormat(file.path(), "this is a pickle, but not one of torch.save: it holds no tensors");
}

}  // namespace

TensorSource openWeightFile(const std::string& path) {
  auto file = MappedFile::open(path);
  const std::string_view text = file->text();
  if (isWholeSafetensors(text)) return readSafetensors(std::move(file));
  if (isZip(text)) return readTorchZip(std::move(file));
  if (isTorchLegacy(*file)) return readTorchLegacy(std::move(file));
  if (isPickle(text)) refuseBarePickle(*file);
  const std::string guess = guessContent(*file);
  if (!guess.empty()) failFormat(path, guess);
  if (isDamagedSafetensors(text, path)) return readSafetensors(std::move(file));
  failFormat(path, "this is neither a safetensors file nor one of torch.save; is it the right file?");
}

std::shared_ptr<const TensorSource> openWeights(const std::string& path) {
  const auto file = MappedFile::open(path);
  const bool is_json = file->text().starts_with('{');
  if (is_json && !isWholeSafetensors(file->text()))
    return std::make_shared<TensorSource>(readShardedIndex(path));
  return std::make_shared<TensorSource>(openWeightFile(path));
}

}  // namespace cameo::weights
