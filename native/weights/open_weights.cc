#include "weights/open_weights.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <unordered_set>

#include "core/paths.h"
#include "weights/diffusers_folder.h"
#include "weights/gguf.h"
#include "weights/guess.h"
#include "weights/safetensors.h"
#include "weights/sharded_index.h"
#include "weights/text.h"
#include "weights/torch_legacy.h"
#include "weights/torch_zip.h"
#include "weights/unpickler.h"

namespace cameo::weights {

namespace {

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

/// Modules around the network that training leaves in names: torch.compile's, FSDP's, activation
/// checkpointing's, Lightning's with DeepSpeed.
constexpr auto kNameWrappers = std::to_array<std::string_view>(
    {"_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.", "_forward_module."});
/// DataParallel's and DistributedDataParallel's.
constexpr std::string_view kParallel = "module.";

void eraseWrappers(std::string& name) {
  for (const std::string_view wrapper : kNameWrappers) {
    for (size_t at = name.find(wrapper); at != name.npos; at = name.find(wrapper, at)) {
      const bool is_part = at == 0 || name[at - 1] == '.';
      if (is_part)
        name.erase(at, wrapper.size());
      else
        at += wrapper.size();
    }
  }
}

/// What lies beside numbers that mean something only by it: ComfyUI's scales of fp8 weights.
constexpr auto kScales =
    std::to_array<std::string_view>({"scaled_fp8", "scale_weight", "weight_scale", "comfy_quant"});

void refuseScales(const TensorSource& source) {
  for (const TensorEntry& entry : source.entries) {
    const std::string_view name = entry.name;
    const std::string_view last = name.substr(name.rfind('.') + 1);  // all of it where there is no dot
    if (std::find(kScales.begin(), kScales.end(), last) == kScales.end()) continue;
    failFormat(source.path, quote(name) +
                                " says that its numbers are scaled, which is not supported; get the "
                                "model in fp16, bf16 or plain fp8");
  }
}

/// Gives the tensors their names in the network itself, however it was wrapped when it was saved.
void removeWrappers(TensorSource& source) {
  auto& entries = source.entries;
  for (TensorEntry& entry : entries) eraseWrappers(entry.name);
  const auto is_parallel = [](const TensorEntry& entry) { return entry.name.starts_with(kParallel); };
  while (!entries.empty() && std::all_of(entries.begin(), entries.end(), is_parallel)) {
    for (TensorEntry& entry : entries) entry.name.erase(0, kParallel.size());
  }
  std::unordered_set<std::string_view> names;
  for (const TensorEntry& entry : entries) {
    if (!names.insert(entry.name).second) failFormat(source.path, quote(entry.name) + " is there twice");
  }
}

}  // namespace

TensorSource openWeightFile(const std::string& path) {
  auto file = MappedFile::open(path);
  const std::string_view text = file->text();
  if (isWholeSafetensors(text)) return readSafetensors(std::move(file));
  if (isZip(text)) return readTorchZip(std::move(file));
  if (isTorchLegacy(*file)) return readTorchLegacy(std::move(file));
  if (isGguf(*file)) return readGguf(std::move(file));
  if (isPickle(text)) refuseBarePickle(*file);
  const std::string guess = guessContent(*file);
  if (!guess.empty()) failFormat(path, guess);
  if (isDamagedSafetensors(text, path)) return readSafetensors(std::move(file));
  failFormat(path, "this is neither a safetensors file nor one of torch.save or GGUF; is it the right file?");
}

std::shared_ptr<const TensorSource> openWeights(const std::string& path) {
  if (isFolder(path)) {
    failFormat(path, c10::str("this is ", describeFolder(path), "; a weight file was expected"));
  }
  const auto file = MappedFile::open(path);
  const bool is_json = file->text().starts_with('{');
  const bool is_index = is_json && !isWholeSafetensors(file->text());
  auto source = std::make_shared<TensorSource>(is_index ? readShardedIndex(path) : openWeightFile(path));
  removeWrappers(*source);
  refuseScales(*source);
  return source;
}

}  // namespace cameo::weights
