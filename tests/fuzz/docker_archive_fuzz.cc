// An archive of images as bytes: its members are looked through, its list of images is read, and
// what the list names is found in it.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "base/error.h"
#include "oci/layout/docker_archive.h"
#include "oci/layout/layout.h"
#include "oci/layout/member_name.h"
#include "oci/layout/members.h"
#include "sys/file.h"
#include "tests/support/tar_builder.h"

namespace {

void mend_checksums(std::string& bytes) {
    for (size_t offset = 0; offset + 512 <= bytes.size(); offset += 512) {
        if (bytes.compare(offset + 257, 5, "ustar") == 0) {
            nau::test::fix_checksum(bytes, offset);
        }
    }
}

void check_name(const std::string& name) {
    NAU_ASSERT(!name.starts_with('/') && nau::oci::clean_member_name(name) == name);
}

void read_archive(const std::string& bytes) {
    auto file = nau::sys::memfd_create("archive", 0);
    nau::sys::write_all(file.get(), bytes);
    const auto members = nau::oci::open_tar_members(std::move(file));
    const auto manifest = members->find(nau::oci::layout::kManifestFile);
    if (!manifest) {
        return;
    }
    const auto images = nau::oci::parse_docker_manifest(
        manifest->read_all(nau::oci::kMaxDockerManifestBytes, "manifest.json"));
    for (const auto& image : images) {
        check_name(image.config);
        for (const auto& layer : image.layers) {
            check_name(layer);
            if (const auto member = members->find_through_link(layer)) {
                NAU_ASSERT(member->size_bytes() <= bytes.size());
                (void)member->read_all(bytes.size(), layer);
            }
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    try {
        const auto images = nau::oci::parse_docker_manifest(input);
        NAU_ASSERT(nau::oci::parse_docker_manifest(nau::oci::to_json_text(images)) == images);
    } catch (const nau::Error&) {
        // refused
    }
    std::string archive(input);
    mend_checksums(archive);
    try {
        read_archive(archive);
    } catch (const nau::Error&) {
        // refused
    }
    return 0;
}
