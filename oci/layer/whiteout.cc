#include "oci/layer/whiteout.h"

namespace nau::oci {

namespace {

constexpr std::string_view kMetadataPrefix = ".wh..wh.";

}  // namespace

WhiteoutName parse_whiteout(std::string_view name) noexcept {
    using Kind = WhiteoutName::Kind;
    if (!name.starts_with(kWhiteoutPrefix)) {
        return {};
    }
    if (name == kOpaqueMarker) {
        return {.kind = Kind::opaque};
    }
    if (name.starts_with(kMetadataPrefix)) {
        return {.kind = Kind::metadata};
    }
    const std::string_view target = name.substr(kWhiteoutPrefix.size());
    if (target.empty() || target == "." || target == "..") {
        return {.kind = Kind::invalid};
    }
    return {.kind = Kind::whiteout, .target = target};
}

}  // namespace nau::oci
