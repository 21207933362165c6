#pragma once

// `nau cp`: files between the host and containers, or as a tar from and to a stream. The rules for
// names are docker's:
//
//   source            target                        what happens
//   file              nothing, no final slash       a file of that name; its directory must exist
//   file              file                          is replaced
//   file, directory   directory                     goes into it, under its own name
//   directory         nothing                       a directory of that name gets the contents
//   directory/.       directory                     the contents go into it
//   directory         file                          refused
//   tar               directory                     is unpacked there
//
// A container's path is resolved by the kernel inside its root, whatever links it has placed; below
// the resolved place nothing is followed. A container that does not run is looked at in a mount
// namespace of this process, with its volumes in place.

#include <optional>
#include <string>
#include <string_view>

namespace nau::engine {

class Engine;

/// "CONTAINER:PATH", "PATH" or "-". A path of the host with a colon begins with '/' or '.'.
struct CopyPlace {
    std::optional<std::string> container;
    std::string path;
    bool is_stream = false;
};
/// @throws Error{invalid}
CopyPlace parse_copy_place(std::string_view text);

struct CopyOptions {
    /// In a container files belong to its user, on the host to the caller. Otherwise owners stay.
    bool changes_owner = true;
    bool follows_link = false;  ///< a link as source stands for what it leads to
    bool overwrites = false;    ///< a file may replace a directory, and the other way round
};

/// @throws Error{not_found}, {invalid} naming the path that does not fit
void copy_files(Engine& engine,
                const CopyPlace& source,
                const CopyPlace& target,
                const CopyOptions& options);

}  // namespace nau::engine
