#include "kagari/io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kagari/base/error.h"

namespace kagari::io {

InputFile::InputFile(const std::string& path) : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  KG_CHECK(descriptor_ >= 0, "cannot open ", path, ": ", std::strerror(errno));
  struct stat info;
  bool regular = fstat(descriptor_, &info) == 0 && S_ISREG(info.st_mode);
  if (!regular) close(descriptor_);
  KG_CHECK(regular, "cannot read ", path, ": it is no regular file");
  size_ = info.st_size;
}
InputFile::~InputFile() { close(descriptor_); }

void InputFile::read(int64_t offset, void* to, int64_t count) const {
  KG_CHECK(offset >= 0 && count >= 0 && offset <= size_ && count <= size_ - offset, path_, ": the file ends before byte ", offset, " + ", count, "; it is damaged or was not written to the end");
  char* out = static_cast<char*>(to);
  while (count > 0) {
    ssize_t got = pread(descriptor_, out, size_t(count), offset);
    if (got < 0 && errno == EINTR) continue;
    KG_CHECK(got > 0, "cannot read ", path_, ": ", got < 0 ? std::strerror(errno) : "it became shorter while it was read");
    out += got;
    offset += got;
    count -= got;
  }
}

OutputFile::OutputFile(const std::string& path) : path_(path), partial_(str(path, ".partial-", getpid())), descriptor_(open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  KG_CHECK(descriptor_ >= 0, "cannot write ", path, ": ", std::strerror(errno));
}
OutputFile::~OutputFile() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(partial_.c_str());
}

void OutputFile::write(const void* data, int64_t count) {
  const char* from = static_cast<const char*>(data);
  while (count > 0) {
    ssize_t done = ::write(descriptor_, from, size_t(count));
    if (done < 0 && errno == EINTR) continue;
    KG_CHECK(done > 0, "cannot write ", path_, ": ", std::strerror(errno));
    from += done;
    count -= done;
    position_ += done;
  }
}

void OutputFile::finish() {
  int descriptor = descriptor_;
  descriptor_ = -1;
  bool good = close(descriptor) == 0 && std::rename(partial_.c_str(), path_.c_str()) == 0;
  int reason = errno;
  if (!good) unlink(partial_.c_str());
  KG_CHECK(good, "cannot write ", path_, ": ", std::strerror(reason));
}

}  // namespace kagari::io
