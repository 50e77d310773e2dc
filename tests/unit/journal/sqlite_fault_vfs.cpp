// A SQLite VFS that fails on demand (contract in sqlite_fault_vfs.hpp).
#include "sqlite_fault_vfs.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <mutex>

namespace groundtruth::journal::testing {
namespace {

struct Shared {
  std::mutex mutex;
  std::function<int(FileCall, const std::string&)> decision;
  std::atomic<bool> keep_images{false};
  sqlite3_vfs vfs{};
};
Shared* shared = nullptr;  // SQLite's C callbacks have nowhere else to look

// SQLite allocates szOsFile bytes; the system's own file lies behind this one.
struct File {
  sqlite3_file base;
  const char* path;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
File* of(sqlite3_file* file) {
  return reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return of(file)->real();
}

int decide_on(FileCall call, sqlite3_file* file) {
  if (of(file)->path == nullptr) return SQLITE_OK;
  const std::lock_guard lock(shared->mutex);
  return shared->decision ? shared->decision(call, of(file)->path) : SQLITE_OK;
}

int close_file(sqlite3_file* f) {
  return real(f)->pMethods->xClose(real(f));
}
int read_file(sqlite3_file* f, void* to, int count, sqlite3_int64 at) {
  if (const int code = decide_on(FileCall::read, f); code != SQLITE_OK) return code;
  return real(f)->pMethods->xRead(real(f), to, count, at);
}
int write_file(sqlite3_file* f, const void* from, int count, sqlite3_int64 at) {
  if (const int code = decide_on(FileCall::write, f); code != SQLITE_OK) return code;
  return real(f)->pMethods->xWrite(real(f), from, count, at);
}
int truncate_file(sqlite3_file* f, sqlite3_int64 size) {
  return real(f)->pMethods->xTruncate(real(f), size);
}
int sync_file(sqlite3_file* f, int flags) {
  if (const int code = decide_on(FileCall::sync, f); code != SQLITE_OK) return code;
  const int code = real(f)->pMethods->xSync(real(f), flags);
  if (code == SQLITE_OK && shared->keep_images && of(f)->path != nullptr)
    std::filesystem::copy_file(of(f)->path, FaultVfs::synced_image(of(f)->path),
                               std::filesystem::copy_options::overwrite_existing);
  return code;
}
int file_size(sqlite3_file* f, sqlite3_int64* size) {
  return real(f)->pMethods->xFileSize(real(f), size);
}
int lock_file(sqlite3_file* f, int level) {
  return real(f)->pMethods->xLock(real(f), level);
}
int unlock_file(sqlite3_file* f, int level) {
  return real(f)->pMethods->xUnlock(real(f), level);
}
int check_reserved(sqlite3_file* f, int* out) {
  return real(f)->pMethods->xCheckReservedLock(real(f), out);
}
int control_file(sqlite3_file* f, int op, void* argument) {
  return real(f)->pMethods->xFileControl(real(f), op, argument);
}
int sector_size(sqlite3_file* f) {
  return real(f)->pMethods->xSectorSize(real(f));
}
int characteristics(sqlite3_file* f) {
  return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

// Version 1, without shared memory: the exclusive locking mode needs none.
constexpr sqlite3_io_methods kMethods{
    1,         close_file,  read_file,      write_file,   truncate_file, sync_file,       file_size,
    lock_file, unlock_file, check_reserved, control_file, sector_size,   characteristics, nullptr,
    nullptr,   nullptr,     nullptr,        nullptr,      nullptr};

sqlite3_vfs* system_vfs() {
  return static_cast<sqlite3_vfs*>(shared->vfs.pAppData);
}

int open_file(sqlite3_vfs*, const char* path, sqlite3_file* f, int flags, int* out_flags) {
  auto* file = of(f);
  file->base.pMethods = nullptr;
  file->path = path;  // SQLite keeps the name for as long as the file is open
  const int code = system_vfs()->xOpen(system_vfs(), path, file->real(), flags, out_flags);
  if (code == SQLITE_OK) file->base.pMethods = &kMethods;
  return code;
}

}  // namespace

FaultVfs::FaultVfs() {
  shared = new Shared;
  auto* system = sqlite3_vfs_find(nullptr);
  shared->vfs = *system;
  shared->vfs.szOsFile = static_cast<int>(sizeof(File)) + system->szOsFile;
  shared->vfs.zName = "groundtruth_faults";
  shared->vfs.pAppData = system;
  shared->vfs.pNext = nullptr;
  shared->vfs.xOpen = open_file;
  // The rest takes the VFS only to find the system calls, which are the system VFS's own.
  sqlite3_vfs_register(&shared->vfs, 0);
}

FaultVfs::~FaultVfs() {
  sqlite3_vfs_unregister(&shared->vfs);
  delete shared;
  shared = nullptr;
}

void FaultVfs::decide(std::function<int(FileCall, const std::string&)> decision) {
  const std::lock_guard lock(shared->mutex);
  shared->decision = std::move(decision);
}

void FaultVfs::keep_synced_images(bool keep) {
  shared->keep_images = keep;
}

std::filesystem::path FaultVfs::synced_image(const std::filesystem::path& file) {
  auto image = file;
  image += ".synced";
  return image;
}

}  // namespace groundtruth::journal::testing
