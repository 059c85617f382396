#include "weights/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "weights/text.h"

namespace cameo::weights {

namespace {

class Descriptor {
 public:
  // Without O_NONBLOCK, opening a named pipe would wait for its writer.
  explicit Descriptor(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string reasonFor(int error, const std::string& path) {
  if (const std::string link = describeDanglingLink(path); !link.empty()) return link;
  if (error == ENOENT || error == ENOTDIR) return "there is no such file";
  if (error == EACCES || error == EPERM) return "no permission to read this file";
  return std::string("the file cannot be read: ") + std::strerror(error);
}

}  // namespace

std::string describeDanglingLink(const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_symlink(path, error) || fs::exists(path, error)) return "";
  const std::string target = fs::read_symlink(path, error).string();
  return "this is a symbolic link to " + quote(target) +
         ", which is not there; fetch that again, or copy what the link should lead to";
}

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path) {
  const Descriptor file(path);
  if (file.get() < 0) failFormat(path, reasonFor(errno, path));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) failFormat(path, reasonFor(errno, path));
  if (S_ISDIR(status.st_mode)) failFormat(path, "this is a folder; a weight file was expected");
  if (!S_ISREG(status.st_mode)) failFormat(path, "this is not a regular file");
  if (status.st_size == 0) failFormat(path, "the file is empty; fetch it again");
  const auto size = static_cast<size_t>(status.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data == MAP_FAILED) failFormat(path, reasonFor(errno, path));
  return std::shared_ptr<const MappedFile>(new MappedFile(path, static_cast<const std::byte*>(data), size));
}

MappedFile::MappedFile(std::string path, const std::byte* data, size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::prefetch(uint64_t offset, uint64_t length) const {
  advise(offset, length, MADV_WILLNEED);
}

void MappedFile::release(uint64_t offset, uint64_t length) const {
  advise(offset, length, MADV_DONTNEED);
}

void MappedFile::advise(uint64_t offset, uint64_t length, int advice) const {
  if (offset >= size_ || length == 0) return;
  static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t begin = offset / page * page;
  const uint64_t end = offset + std::min<uint64_t>(length, size_ - offset);
  // Advice is a hint: where the system refuses it, reading still works.
  ::madvise(const_cast<std::byte*>(data_) + begin, end - begin, advice);
}

ScatteredReading::ScatteredReading(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {
  file_->advise(0, file_->size(), MADV_RANDOM);
}

ScatteredReading::~ScatteredReading() {
  file_->advise(0, file_->size(), MADV_NORMAL);
}

}  // namespace cameo::weights
