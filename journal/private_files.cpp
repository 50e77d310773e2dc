// See private_files.hpp.
#include "journal/private_files.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace groundtruth::journal {
namespace {

constexpr mode_t kOthers = 077, kOthersMayWrite = 022;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& what) {
  throw std::runtime_error(path.string() + ": " + what);
}

[[noreturn]] void refuse_with_errno(const std::filesystem::path& path, const std::string& doing) {
  refuse(path, "cannot " + doing + ": " + std::generic_category().message(errno));
}

std::string octal(mode_t mode) {
  std::string out = "0";
  for (const int shift : {6, 3, 0}) out += static_cast<char>('0' + ((mode >> shift) & 7));
  return out;
}

std::string fault_of_owner(const struct stat& found) {
  if (found.st_uid == ::geteuid()) return {};
  const auto owner = std::to_string(found.st_uid), own = std::to_string(::geteuid());
  return "belongs to uid " + owner + ", and this process runs as uid " + own + ". Run it as uid " + owner +
         ", or give the files to this one: chown -R " + own;
}

// Why it cannot be used as it is, and what to do; "" where it can.
std::string fault_of(const std::filesystem::path& file, const struct stat& found) {
  if (S_ISLNK(found.st_mode))
    return "is a symbolic link; what is synced and replaced here must lie here. Put the file itself in its "
           "place, "
           "or mount another disk as the whole directory";
  if (!S_ISREG(found.st_mode)) return "is no file; move away what lies there";
  if (auto fault = fault_of_owner(found); !fault.empty()) return fault;
  const mode_t mode = found.st_mode & 07777;
  if ((mode & (S_IRUSR | S_IWUSR)) != (S_IRUSR | S_IWUSR))
    return "has mode " + octal(mode) + ": its owner may not read and write it; run: chmod 600 " +
           file.string();
  return {};
}

// False: there is nothing of that name.
bool look_at(const std::filesystem::path& file, struct stat& found) {
  if (::lstat(file.c_str(), &found) == 0) return true;
  if (errno != ENOENT) refuse_with_errno(file, "look at it");
  return false;
}

void change_mode(const std::filesystem::path& path, mode_t from, mode_t to, const Say& say) {
  if (::chmod(path.c_str(), to) != 0)
    refuse(path, "has mode " + octal(from) + ", which lets others in, and it cannot be changed: " +
                     std::generic_category().message(errno));
  const bool changeable = (from & kOthersMayWrite) != 0;
  say(path.string() + " had mode " + octal(from) + ", so that others could " +
      (changeable ? "change" : "read") + " it; it has " + octal(to) + " now" +
      (changeable ? ". Think of who may have written there; `groundtruth journal verify` reads everything"
                  : ""));
}

bool holds_only(const std::filesystem::path& directory,
                const std::function<bool(std::string_view)>& is_ours) {
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (!is_ours(entry.path().filename().string())) return false;
  return true;
}

}  // namespace

void keep_private(const std::filesystem::path& file, const Say& say) {
  struct stat found{};
  if (!look_at(file, found)) return;
  if (const auto fault = fault_of(file, found); !fault.empty()) refuse(file, fault);
  const mode_t mode = found.st_mode & 07777;
  if ((mode & kOthers) != 0) change_mode(file, mode, S_IRUSR | S_IWUSR, say);
}

bool keep_private_or_remove(const std::filesystem::path& file, const Say& say) {
  struct stat found{};
  if (!look_at(file, found)) return false;
  auto fault = fault_of(file, found);
  const mode_t mode = found.st_mode & 07777;
  if (fault.empty() && (mode & kOthersMayWrite) != 0)
    fault = "had mode " + octal(mode) + ": others could write what would be believed";
  if (fault.empty()) {
    if ((mode & kOthers) != 0) change_mode(file, mode, S_IRUSR | S_IWUSR, say);
    return false;
  }
  if (S_ISDIR(found.st_mode) || ::unlink(file.c_str()) != 0) refuse(file, fault);
  say(file.string() + " " + fault.substr(0, fault.find(';')) + "; it was removed, for it can be made anew");
  return true;
}

void keep_directory_private(const std::filesystem::path& directory,
                            const std::function<bool(std::string_view)>& is_ours, const Say& say) {
  struct stat found{};
  if (::stat(directory.c_str(), &found) != 0) refuse_with_errno(directory, "look at it");
  if (!S_ISDIR(found.st_mode)) refuse(directory, "is not a directory");
  if (const auto fault = fault_of_owner(found); !fault.empty()) refuse(directory, fault);
  const mode_t mode = found.st_mode & 07777;
  if ((mode & S_IRWXU) != S_IRWXU)
    refuse(directory, "has mode " + octal(mode) +
                          ": its owner may not read and write in it; run: chmod 700 " + directory.string());
  if ((mode & kOthers) == 0) return;
  if (holds_only(directory, is_ours)) return change_mode(directory, mode, S_IRWXU, say);
  const std::string others = " has mode " + octal(mode) + " and holds what is not groundtruth's";
  if ((mode & kOthersMayWrite) != 0)
    refuse(directory, others.substr(1) +
                          ": others could put files of their own in it. Give groundtruth a directory of its "
                          "own, or run: chmod 700 " +
                          directory.string());
  say(directory.string() + others + ": others can see the names of files in it. Better: chmod 700");
}

void keep_media_private(const std::filesystem::path& folder, const Say& say) {
  if (!std::filesystem::exists(folder)) return;
  const auto any = [](std::string_view) { return true; };
  keep_directory_private(
      folder,
      [](std::string_view name) {
        return name == "objects" || name == "incoming" || name.starts_with("small.db");
      },
      say);
  for (const char* name : {"objects", "incoming"})
    if (std::filesystem::exists(folder / name)) keep_directory_private(folder / name, any, say);
  for (const char* name : {"small.db", "small.db-wal", "small.db-shm"}) keep_private(folder / name, say);
  std::error_code missing;
  const auto bytes = std::filesystem::file_size(folder / "small.db", missing);
  if (std::filesystem::exists(folder / "objects") && (missing || bytes == 0))
    say((folder / "small.db").string() +
        " is missing or empty: the small media that it held is lost, unless it is restored from a backup");
}

}  // namespace groundtruth::journal
