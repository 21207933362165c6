#include "oci/layout/layout.h"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace nau::oci::layout {

std::string blob_name(const Digest& digest) {
    return fmt::format("blobs/{}/{}", to_string(digest.algorithm()), digest.hex());
}

std::string header_text() {
    return R"({"imageLayoutVersion":"1.0.0"})";
}

void check_header(std::string_view bytes) {
    const json::Value document = json::parse(bytes, kHeaderFile);
    const json::Field version = json::Field(document, kHeaderFile).at("imageLayoutVersion");
    if (!version.as_string().starts_with("1.")) {
        throw Error(ErrorKind::unsupported,
                    "{}: is version '{}'; only 1 is known",
                    kHeaderFile,
                    version.as_string());
    }
}

}  // namespace nau::oci::layout
