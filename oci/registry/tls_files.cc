#include "oci/registry/tls_files.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "sys/file.h"

namespace nau::oci {

namespace {

constexpr std::array kBundles = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Arch, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/etc/pki/tls/cacert.pem",                            // OpenELEC
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL 7 and later
    "/etc/ssl/cert.pem",                                  // Alpine, BSD habits
};
constexpr std::array kDirectories = {
    "/etc/ssl/certs",
    "/etc/pki/ca-trust/extracted/pem/directory-hash",
};

std::optional<std::filesystem::path> find_folder(std::span<const std::filesystem::path> certs_dirs,
                                                 const Url& url) {
    const std::string with_port = fmt::format("{}:{}", url.host, url.port);
    for (const auto& dir : certs_dirs) {
        for (const auto& name : {with_port, authority_of(url)}) {
            const auto folder = dir / name;
            if (sys::file_exists(folder.string())) {
                return folder;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

bool has_hashed_names(const std::filesystem::path& directory) {
    const auto entries = sys::list_directory_if_exists(directory.string());
    return entries && std::any_of(entries->begin(), entries->end(), [](const auto& entry) {
               const std::string_view name = entry.name;
               return name.size() == 10 && name[8] == '.' && name[9] >= '0' && name[9] <= '9' &&
                      name.substr(0, 8).find_first_not_of("0123456789abcdef") == name.npos;
           });
}

SystemCas find_system_cas(const EnvironmentLookup& environment) {
    if (const auto file = environment("SSL_CERT_FILE"); file && !file->empty()) {
        return {.bundle = *file};
    }
    SystemCas cas;
    for (const char* bundle : kBundles) {
        if (sys::file_exists(bundle)) {
            cas.bundle = bundle;
            break;
        }
    }
    for (const char* directory : kDirectories) {
        if (has_hashed_names(directory)) {
            cas.directory = directory;
            break;
        }
    }
    return cas;
}

RegistryCertificates read_certificate_folder(const std::filesystem::path& folder) {
    RegistryCertificates certificates;
    std::vector<std::string> names;
    for (const auto& entry : sys::list_directory(folder.string())) {
        names.push_back(entry.name);
    }
    std::sort(names.begin(), names.end());
    for (const auto& name : names) {
        const std::filesystem::path path = folder / name;
        if (path.extension() == ".crt") {
            certificates.cas.push_back(path);
        } else if (path.extension() == ".cert" && certificates.client_certificate.empty()) {
            certificates.client_certificate = path;
            certificates.client_key = std::filesystem::path(path).replace_extension(".key");
            if (!sys::file_exists(certificates.client_key.string())) {
                throw Error(ErrorKind::invalid,
                            "client certificate {} has no key {}",
                            path.string(),
                            certificates.client_key.string());
            }
        }
    }
    return certificates;
}

RegistryCertificates find_registry_certificates(std::span<const std::filesystem::path> certs_dirs,
                                                const Url& url) {
    const auto folder = find_folder(certs_dirs, url);
    return folder ? read_certificate_folder(*folder) : RegistryCertificates{};
}

}  // namespace nau::oci
