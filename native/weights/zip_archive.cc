#include "weights/zip_archive.h"

#include <c10/util/StringUtil.h>

#include <algorithm>

#include "weights/byte_reader.h"
#include "weights/layout.h"

namespace cameo::weights {

namespace {

// The records of PKWARE's APPNOTE 6.3.10, section 4.3.
constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr uint32_t kDirectoryHeader = 0x02014b50;
constexpr uint32_t kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50;
constexpr uint32_t kLocator64 = 0x07064b50;
constexpr uint64_t kEndSize = 22;
constexpr uint64_t kLocator64Size = 20;
constexpr uint64_t kLongestComment = 0xffff;
constexpr uint16_t kExtra64 = 0x0001;
constexpr uint16_t kEncrypted = 0x0001;
constexpr uint16_t kStored = 0;
constexpr size_t kMaxEntries = 2 * kMaxTensors;

struct Directory {
  uint64_t offset;
  uint64_t size;
  uint64_t entries;
};

// An entry as the directory describes it.
struct Listed {
  std::string_view name;
  uint64_t compressed;
  uint64_t size;
  uint64_t header;  // the local header's offset
};

// An entry with the bytes that it takes up, its local header included.
struct Placed {
  ZipArchive::Entry entry;
  uint64_t begin;
  uint64_t end;
};

[[noreturn]] void damagedZip(const std::string& path, const std::string& why) {
  failFormat(path, "damaged zip archive: " + why);
}

ByteReader readerAt(const MappedFile& file, uint64_t position) {
  return ByteReader(file.bytes(), file.path(), position);
}

// The end record is the last one whose comment reaches exactly to the file's end.
uint64_t findEnd(const MappedFile& file) {
  const uint64_t size = file.size();
  for (uint64_t comment = 0; comment <= kLongestComment && comment + kEndSize <= size; ++comment) {
    const uint64_t position = size - kEndSize - comment;
    if (readerAt(file, position).number<uint32_t>() != kEnd) continue;
    if (readerAt(file, position + 20).number<uint16_t>() == comment) return position;
  }
  damagedZip(file.path(), "it has no end record; the file may be cut short: fetch it again");
}

// The values of the zip64 end record, which lies between the directory and its locator.
Directory readEnd64(const MappedFile& file, uint64_t locator) {
  ByteReader reader = readerAt(file, locator + 8);
  const auto position = reader.number<uint64_t>();
  if (reader.number<uint32_t>() != 1) damagedZip(file.path(), "it has several parts");
  if (position > locator) damagedZip(file.path(), "its zip64 end record is out of range");
  reader = readerAt(file, position);
  if (reader.number<uint32_t>() != kEnd64) damagedZip(file.path(), "it has no zip64 end record");
  reader.skip(8 + 2 + 2);  // this record's size, versions
  if (reader.number<uint32_t>() != 0 || reader.number<uint32_t>() != 0) {
    damagedZip(file.path(), "it has several parts");
  }
  const auto entries_here = reader.number<uint64_t>();
  const auto entries = reader.number<uint64_t>();
  const auto size = reader.number<uint64_t>();
  const auto offset = reader.number<uint64_t>();
  if (entries_here != entries) damagedZip(file.path(), "it has several parts");
  if (offset > position || size != position - offset)
    damagedZip(file.path(), "its directory is out of range");
  return {offset, size, entries};
}

Directory findDirectory(const MappedFile& file) {
  const uint64_t end = findEnd(file);
  if (end >= kLocator64Size) {
    const uint64_t locator = end - kLocator64Size;
    if (readerAt(file, locator).number<uint32_t>() == kLocator64) return readEnd64(file, locator);
  }
  ByteReader reader = readerAt(file, end + 4);
  if (reader.number<uint16_t>() != 0 || reader.number<uint16_t>() != 0) {
    damagedZip(file.path(), "it has several parts");
  }
  const auto entries_here = reader.number<uint16_t>();
  const auto entries = reader.number<uint16_t>();
  const auto size = reader.number<uint32_t>();
  const auto offset = reader.number<uint32_t>();
  if (entries_here != entries) damagedZip(file.path(), "it has several parts");
  if (offset > end || size != end - offset) damagedZip(file.path(), "its directory is out of range");
  return {offset, size, entries};
}

// Replaces the values that the directory marks as too large for it, in the order of the zip64 extra field.
void applyExtra64(std::string_view extra, const std::string& path, Listed& listed) {
  const uint64_t marker = 0xffffffff;
  ByteReader reader(std::as_bytes(std::span(extra)), path);
  while (reader.remaining() >= 4) {
    const auto tag = reader.number<uint16_t>();
    const std::string_view field = reader.text(reader.number<uint16_t>());
    if (tag != kExtra64) continue;
    ByteReader values(std::as_bytes(std::span(field)), path);
    for (uint64_t* value : {&listed.size, &listed.compressed, &listed.header}) {
      if (*value == marker) *value = values.number<uint64_t>();
    }
    return;
  }
}

Listed readListed(ByteReader& reader) {
  const std::string& path = reader.path();
  if (reader.number<uint32_t>() != kDirectoryHeader) damagedZip(path, "its directory is broken");
  reader.skip(2 + 2);  // versions
  const auto flags = reader.number<uint16_t>();
  const auto method = reader.number<uint16_t>();
  reader.skip(2 + 2 + 4);  // time, date, checksum: torch.save can be told to leave the last one out
  Listed listed{};
  listed.compressed = reader.number<uint32_t>();
  listed.size = reader.number<uint32_t>();
  const auto name_length = reader.number<uint16_t>();
  const auto extra_length = reader.number<uint16_t>();
  const auto comment_length = reader.number<uint16_t>();
  reader.skip(2 + 2 + 4);  // part, attributes
  listed.header = reader.number<uint32_t>();
  listed.name = reader.text(name_length);
  applyExtra64(reader.text(extra_length), path, listed);
  reader.skip(comment_length);
  if ((flags & kEncrypted) != 0) failFormat(path, quote(listed.name) + " in this zip archive is encrypted");
  if (method != kStored || listed.compressed != listed.size) {
    failFormat(path,
               "this is no state dict of torch.save, but a TorchScript program or another zip archive: " +
                   quote(listed.name) + " in it is compressed");
  }
  return listed;
}

// `limit` is where the directory begins.
Placed place(const Listed& listed, const MappedFile& file, uint64_t limit) {
  const std::string& path = file.path();
  if (listed.header >= limit) damagedZip(path, quote(listed.name) + " is out of range");
  ByteReader reader = readerAt(file, listed.header);
  if (reader.number<uint32_t>() != kLocalHeader) damagedZip(path, quote(listed.name) + " has no header");
  reader.skip(2);
  const auto flags = reader.number<uint16_t>();
  const auto method = reader.number<uint16_t>();
  reader.skip(2 + 2 + 4 + 4 + 4);  // time, date, checksum, sizes: the directory has them
  const auto name_length = reader.number<uint16_t>();
  const auto extra_length = reader.number<uint16_t>();
  const bool agrees =
      (flags & kEncrypted) == 0 && method == kStored && reader.text(name_length) == listed.name;
  if (!agrees) damagedZip(path, quote(listed.name) + " has a header that contradicts the directory");
  reader.skip(extra_length);
  const uint64_t begin = reader.position();
  if (begin > limit || listed.size > limit - begin) damagedZip(path, quote(listed.name) + " is out of range");
  return {{listed.name, begin, listed.size}, listed.header, begin + listed.size};
}

}  // namespace

ZipArchive::ZipArchive(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {
  const ScatteredReading of_headers(file_);
  const std::string& path = file_->path();
  const Directory directory = findDirectory(*file_);
  if (directory.entries > kMaxEntries)
    damagedZip(path, c10::str("it claims ", directory.entries, " entries"));
  ByteReader reader(file_->bytes().first(directory.offset + directory.size), path, directory.offset);
  std::vector<Placed> placed;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    placed.push_back(place(readListed(reader), *file_, directory.offset));
  }
  if (reader.remaining() != 0) damagedZip(path, "its directory has more entries than it claims");
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.begin < b.begin; });
  for (size_t i = 0; i < placed.size(); ++i) {
    if (i > 0 && placed[i].begin < placed[i - 1].end) {
      damagedZip(path, quote(placed[i].entry.name) + " overlaps " + quote(placed[i - 1].entry.name));
    }
    entries_.push_back(placed[i].entry);
  }
  const auto by_name = [](const Entry& a, const Entry& b) { return a.name < b.name; };
  std::sort(entries_.begin(), entries_.end(), by_name);
  for (size_t i = 1; i < entries_.size(); ++i) {
    if (entries_[i].name == entries_[i - 1].name)
      damagedZip(path, quote(entries_[i].name) + " is there twice");
  }
}

const ZipArchive::Entry* ZipArchive::find(std::string_view name) const {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), name,
                                      [](const Entry& a, std::string_view b) { return a.name < b; });
  return found != entries_.end() && found->name == name ? &*found : nullptr;
}

std::string_view ZipArchive::text(const Entry& entry) const {
  return {reinterpret_cast<const char*>(file_->bytes().data()) + entry.offset,
          static_cast<size_t>(entry.size)};
}

}  // namespace cameo::weights
