#pragma once

// How a layer says that something of the layers below is gone. image-spec v1.1 layer.md, Whiteouts:
//
//   dir/.wh.NAME       dir/NAME of the lower layers does not show
//   dir/.wh..wh..opq   nothing that the lower layers have in dir shows
//
// Either applies to lower layers only, wherever it stands in the tar: what the same layer brings
// stays. The prefix is reserved, so that no layer can bring a file of such a name. AUFS, from which
// the convention comes, also left its own records in old layers (.wh..wh.plnk, .wh..wh.aufs, …):
// they are skipped.

#include <string_view>

namespace nau::oci {

struct WhiteoutName {
    enum class Kind {
        none,      ///< an ordinary name
        whiteout,  ///< hides `target` of the same directory
        opaque,    ///< hides all of the directory
        metadata,  ///< of AUFS: of no meaning here
        invalid,   ///< ".wh." without a name, or with "." or ".."
    };
    Kind kind = Kind::none;
    std::string_view target = {};
    friend bool operator==(const WhiteoutName&, const WhiteoutName&) = default;
};

/// `name` is one path component.
WhiteoutName parse_whiteout(std::string_view name) noexcept;

/// The name of the whiteout that the layer's tar must have for `kind`.
inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";

}  // namespace nau::oci
