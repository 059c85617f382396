#include "weights/safetensors.h"

#include <ATen/core/Tensor.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "weights/atomic_file.h"
#include "weights/layout.h"
#include "weights/safetensors_header.h"
#include "weights/text.h"

namespace cameo::weights {

namespace {

static_assert(std::endian::native == std::endian::little, "weight files are little-endian");

constexpr uint64_t kLongestHeader = 100'000'000;  // the public format's limit

[[noreturn]] void damagedSafetensors(const std::string& path, const std::string& why) {
  failFormat(path, "damaged safetensors file: " + why);
}

std::string_view headerText(const MappedFile& file) {
  const auto bytes = file.bytes();
  uint64_t length = 0;
  if (bytes.size() < kLengthBytes) damagedSafetensors(file.path(), "it is shorter than 8 bytes");
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kLongestHeader)
    damagedSafetensors(file.path(), c10::str("its header claims ", length, " bytes"));
  if (length > bytes.size() - kLengthBytes) {
    damagedSafetensors(file.path(), c10::str("its header claims ", length, " bytes, the file has ",
                                             bytes.size(), "; it may be cut short: fetch it again"));
  }
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + kLengthBytes, length);
  if (!text.starts_with('{')) damagedSafetensors(file.path(), "its header does not start with '{'");
  return text;
}

// `data` is where the file's tensors begin.
TensorEntry makeEntry(const SafetensorsHeader::Tensor& tensor, const std::shared_ptr<const MappedFile>& file,
                      uint64_t data) {
  const std::string name = quote(tensor.name);
  const auto dtype = safetensorsDtype(tensor.dtype);
  if (!dtype) {
    failFormat(file->path(), c10::str(name, " has the dtype ", quote(tensor.dtype),
                                      ", which is not supported; convert the file to F32, F16 or BF16"));
  }
  if (tensor.offsets.size() != 2)
    damagedSafetensors(file->path(), name + " has data_offsets that are not two numbers");
  const uint64_t begin = tensor.offsets[0];
  const uint64_t end = tensor.offsets[1];
  if (begin > end || end > file->size() - data) {
    damagedSafetensors(file->path(),
                       c10::str(name, " lies at bytes ", begin, " to ", end, " of ", file->size() - data,
                                "; the file may be cut short: fetch it again"));
  }
  const std::vector<int64_t> shape(tensor.shape.begin(), tensor.shape.end());
  const auto strides = rowMajorStrides(shape);
  const auto elements = strides ? elementSpan(shape, *strides) : std::nullopt;
  const auto size = c10::elementSize(*dtype);
  if (!elements || *elements > (end - begin) / size || *elements * size != end - begin) {
    damagedSafetensors(file->path(), c10::str(name, " of shape ", shapeText(shape), " and dtype ",
                                              tensor.dtype, " has ", end - begin, " bytes"));
  }
  return {.name = tensor.name,
          .dtype = *dtype,
          .shape = shape,
          .strides = *strides,
          .file = file,
          .offset = data + begin,
          .span = end - begin};
}

// The format wants every byte to belong to exactly one tensor.
void checkCoverage(const std::vector<TensorEntry>& entries, const MappedFile& file, uint64_t data) {
  std::vector<const TensorEntry*> order;
  for (const TensorEntry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const TensorEntry* a, const TensorEntry* b) {
    return std::pair(a->offset, a->span) < std::pair(b->offset, b->span);
  });
  uint64_t next = data;
  for (const TensorEntry* entry : order) {
    if (entry->offset < next)
      damagedSafetensors(file.path(), quote(entry->name) + " overlaps another tensor");
    if (entry->offset > next) damagedSafetensors(file.path(), "there is a hole before " + quote(entry->name));
    next += entry->span;
  }
  if (next != file.size())
    damagedSafetensors(file.path(), c10::str(file.size() - next, " bytes at its end are no tensor's"));
}

void checkNames(const std::vector<TensorEntry>& entries, const std::string& path) {
  std::unordered_set<std::string_view> names;
  for (const TensorEntry& entry : entries) {
    if (!names.insert(entry.name).second) damagedSafetensors(path, quote(entry.name) + " is there twice");
  }
}

using NamedTensor = std::pair<std::string, at::Tensor>;

// The header's text, padded so that the data after it is aligned.
std::string makeHeader(const std::vector<const NamedTensor*>& order,
                       const std::map<std::string, std::string>& metadata) {
  auto header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const NamedTensor* named : order) {
    const at::Tensor& tensor = named->second;
    const auto dtype = safetensorsName(tensor.scalar_type());
    TORCH_CHECK(dtype, "safetensors cannot hold ", tensor.scalar_type());
    TORCH_CHECK(!header.contains(named->first), "two tensors named ", named->first);
    const uint64_t end = offset + tensor.numel() * tensor.element_size();
    header[named->first] = {
        {"dtype", *dtype}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');
  return text;
}

}  // namespace

TensorSource readSafetensors(std::shared_ptr<const MappedFile> file) {
  const std::string_view text = headerText(*file);
  const uint64_t data = kLengthBytes + text.size();
  SafetensorsHeader header = parseSafetensorsHeader(text, file->path());
  TensorSource source;
  source.path = file->path();
  source.format = "safetensors";
  source.files = {file->path()};
  source.metadata = std::move(header.metadata);
  source.entries.reserve(header.tensors.size());
  for (const auto& tensor : header.tensors) source.entries.push_back(makeEntry(tensor, file, data));
  checkNames(source.entries, file->path());
  checkCoverage(source.entries, *file, data);
  return source;
}

void writeSafetensors(const std::string& path, const std::vector<NamedTensor>& tensors,
                      const std::map<std::string, std::string>& metadata,
                      const std::function<void()>& beforeTensor) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& named : tensors) order.push_back(&named);
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return a->second.element_size() > b->second.element_size();
  });
  const std::string header = makeHeader(order, metadata);
  const uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(header)));
  for (const NamedTensor* named : order) {
    if (beforeTensor) beforeTensor();
    const at::Tensor values = named->second.to(at::kCPU).contiguous();
    file.write({static_cast<const std::byte*>(values.data_ptr()), values.nbytes()});
  }
  file.commit();
}

}  // namespace cameo::weights
