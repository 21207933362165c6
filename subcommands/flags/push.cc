#include "subcommands/flags/push.h"

#include "base/error.h"
#include "cli/usage_error.h"

namespace nau::subcommands {

namespace {

oci::Compression parse_compression(std::string_view text) {
    if (text == "gzip") {
        return oci::Compression::gzip;
    }
    if (text == "zstd") {
        return oci::Compression::zstd;
    }
    if (text == "none") {
        return oci::Compression::none;
    }
    throw Error(ErrorKind::invalid, "is not gzip, zstd or none");
}

engine::ManifestFamily parse_family(std::string_view text) {
    if (text == "oci") {
        return engine::ManifestFamily::oci;
    }
    if (text == "v2s2" || text == "docker") {
        return engine::ManifestFamily::docker;
    }
    throw Error(ErrorKind::invalid, "is not oci or v2s2");
}

}  // namespace

void declare_push_form_flags(cli::FlagSet& flags, engine::PushConversion& conversion) {
    const auto store_compression = [&conversion](std::string_view text) {
        conversion.compression = parse_compression(text);
    };
    flags
        .parsed("--compression-format",
                "FORMAT",
                "Pack layers anew that are packed in another way",
                store_compression)
        .one_of({"gzip", "zstd", "none"})
        .defaults_to("as they are")
        .explain(
            "The digest of the image changes with it. zstd is for manifests of OCI's type only.");
    flags.parsed("--compression", "FORMAT", "The same as --compression-format", store_compression)
        .hidden();
    flags.value("--compression-level",
                "LEVEL",
                "Effort of packing: 1 to 9 of gzip, 1 to 19 of zstd",
                conversion.compression_level);
    flags.toggle("--force-compression",
                 "With --compression-format, as nau always does it",
                 conversion.is_forced);
    flags
        .parsed("-f,--format",
                "FORMAT",
                "Write manifests of this family",
                [&conversion](std::string_view text) { conversion.family = parse_family(text); })
        .one_of({"oci", "v2s2"})
        .defaults_to("as they are");
}

void check_push_form(const engine::PushConversion& conversion, const std::string& command) {
    if (!conversion.compression && (conversion.compression_level || conversion.is_forced)) {
        throw cli::UsageError(
            command, "--compression-level and --force-compression go with --compression-format");
    }
}

}  // namespace nau::subcommands
