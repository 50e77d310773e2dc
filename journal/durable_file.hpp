// Small files that are on disk, under their name, when the call returns: whatever is told of them afterwards
// survives a loss of power.
//
// A file is written aside as `<file>.new`, synced, moved into place, and its directory is synced. So a crash
// at any instant leaves the old file or the new one, whole, and at most one `.new` beside it, which the next
// write replaces. One writer a file at a time. Errors: std::system_error that names the file; then the old
// file still stands, or the new one does, and the same call may be made again. Nothing of a failed write is
// ever synced again: each attempt writes the bytes anew.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>
#include <system_error>

namespace groundtruth::journal {

// Puts a file in the place of the one of that name, if there is one. Whatever the umask is, it has this mode.
void replace_durably(const std::filesystem::path& file, std::string_view content, mode_t mode = 0600);

// Makes a file that must never be replaced. False: there is one of that name already, and it was left alone.
[[nodiscard]] bool create_durably(const std::filesystem::path& file, std::string_view content,
                                  mode_t mode = 0600);

// A file whose presence says more than its content, left where something has failed: it is made in its place
// at once, so that a disk that fails at a sync still has as much of it as it took.
void leave_marker(const std::filesystem::path& file, std::string_view reason);

void remove_durably(const std::filesystem::path& file);  // missing is removed

// A new name in a directory is safe only once that directory is synced, and so is the directory's own name.
void sync_directory(const std::filesystem::path& directory);
void sync_directory_of(const std::filesystem::path& file);

// A directory (0700 where it is made now) whose name is on disk. Its parent must exist.
void make_directory_durably(const std::filesystem::path& directory);

// True for what mends itself once somebody makes room: no space, no inode, a quota that is used up.
bool is_no_room(const std::error_code& error);

// Asks the kernel to forget its copy, so that what is read next comes from the disk. Never fails; it is a
// hint.
void forget_cached(const std::filesystem::path& file);

}  // namespace groundtruth::journal
