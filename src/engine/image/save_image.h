#pragma once

// `nau save`: images as an archive or a directory. Blobs go out as they came in, so that their
// digests stay; the same images give the same bytes.
//
//   docker_archive  what docker, podman and everybody's `load` reads: an OCI layout with
//                   manifest.json and repositories beside its index
//   oci_archive     an OCI layout in a tar       oci_dir     the same in a directory
//   docker_dir      skopeo's dir: (one image)
//
// What an archive needs to be understood stands in front of the layers, so that it can be read as a
// stream.

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace nau::engine {

class Engine;

enum class ArchiveFormat { docker_archive, oci_archive, oci_dir, docker_dir };
/// "docker-archive", "oci-archive", "oci-dir", "docker-dir". @throws Error{invalid}
ArchiveFormat parse_archive_format(std::string_view word);
bool is_directory_format(ArchiveFormat format) noexcept;

struct SaveOptions {
    std::vector<std::string> names;  ///< or ids
    ArchiveFormat format = ArchiveFormat::docker_archive;
    /// A file or directory; "-": standard output, for the formats that are a stream.
    std::string output;
    /// What the one image is called there, in an OCI layout word by word; empty: as it was asked
    /// for.
    std::string saved_as = {};
    /// oci_dir: a directory that is a layout already gets the image besides what it has.
    bool adds_to_layout = false;
};

/// A file is replaced when it is complete; a directory must be new or empty, or see adds_to_layout.
/// @throws Error{not_found} an image, or a blob of it; {already_exists}; {invalid}; SysError
void save_images(Engine& engine, const SaveOptions& options, std::stop_token stop);

}  // namespace nau::engine
