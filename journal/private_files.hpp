// Files and directories that are this user's alone. What lies in a data directory decides about money and
// people: whoever else could write it could decide too, and whoever could read it could read of them.
//
// Mended and said: a mode that lets others in (programs before this one made some). Refused, with what to do:
// a symbolic link, somebody else's file, one whose owner may not read or write it, one that is none.
//
// Errors: std::runtime_error that names the file.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace groundtruth::journal {

using Say = std::function<void(const std::string&)>;

// 0600. Nothing where there is no such file.
void keep_private(const std::filesystem::path& file, const Say& say);

// The same for a file that comes back from the journal: what would be refused is removed and said, and so is
// one that others could write, for what they wrote there would be believed. Returns whether it was.
bool keep_private_or_remove(const std::filesystem::path& file, const Say& say);

// 0700; a symbolic link to a directory may stand for it. `is_ours` says of an entry's name whether programs
// of this project make it: a directory that holds something else too may be meant for others, and keeps its
// mode, unless they could write there, which is refused.
void keep_directory_private(const std::filesystem::path& directory,
                            const std::function<bool(std::string_view name)>& is_ours, const Say& say);

// A media folder of one node, and what it keeps beside the objects themselves. Nothing where there is none.
void keep_media_private(const std::filesystem::path& folder, const Say& say);

}  // namespace groundtruth::journal
