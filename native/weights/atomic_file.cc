#include "weights/atomic_file.h"

#include <c10/util/StringUtil.h>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>

#include "core/error.h"

namespace cameo::weights {

namespace {

// Beside the file, and short whatever its name: file systems take names of 255 bytes. The hash tells files
// apart that processes of the same id write on several machines.
std::string partialName(const std::string& path) {
  static std::atomic<uint64_t> counter{0};
  const auto name =
      c10::str(".cameo.", std::hash<std::string>{}(path), ".", ::getpid(), "-", counter++, ".partial");
  return (std::filesystem::path(path).parent_path() / name).string();
}

// Makes a rename durable. Some file systems refuse to sync a folder; the file's own content is safe by then.
void syncFolder(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  const int fd = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

std::string remedyFor(int error) {
  if (error == ENOSPC || error == EDQUOT) return "the disk is full; free some space or write elsewhere";
  if (error == ENOENT) return "the folder does not exist; create it first";
  if (error == EACCES || error == EPERM || error == EROFS) return "no permission to write there";
  if (error == EISDIR) return "this is a folder; name a file";
  return std::strerror(error);
}

}  // namespace

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), partial_(partialName(path_)) {
  fd_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) fail(errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!partial_.empty()) ::unlink(partial_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail(errno);
  const int fd = fd_;
  fd_ = -1;
  if (::close(fd) != 0) fail(errno);
  if (std::rename(partial_.c_str(), path_.c_str()) != 0) fail(errno);
  partial_.clear();
  syncFolder(path_);
}

void AtomicFile::fail(int error) const {
  throw Error(ErrorCode::Checkpoint, c10::str("could not write ", path_, ": ", remedyFor(error)));
}

}  // namespace cameo::weights
