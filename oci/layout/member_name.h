#pragma once

// Names of files in an archive of images. They were written by strangers: none of them may lead out
// of the archive, and each file has one name.

#include <string>
#include <string_view>

namespace nau::oci {

/// Without "./" and doubled slashes. @throws Error{corrupt} for an absolute name, one with "..", an
/// empty or a very long one, or one with control characters
std::string clean_member_name(std::string_view name);

/// Where a symbolic link `target` in `directory_of` (a cleaned name) leads, within the archive.
/// @throws Error{corrupt} when it leads out of it
std::string resolve_member_link(std::string_view link_name, std::string_view target);

}  // namespace nau::oci
