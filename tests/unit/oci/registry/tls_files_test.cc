#include "oci/registry/tls_files.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "sys/file.h"

using nau::oci::find_registry_certificates;
using nau::oci::find_system_cas;
using nau::oci::has_hashed_names;
using nau::oci::parse_url;
using nau::oci::SystemCas;
namespace fs = std::filesystem;

namespace {

struct TemporaryFolder {
    fs::path path = nau::sys::make_temporary_directory(fs::temp_directory_path(), "nau-test-");

    TemporaryFolder() = default;
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() { fs::remove_all(path); }

    void touch(const std::string& name) const {
        fs::create_directories((path / name).parent_path());
        nau::sys::write_file_atomic(
            (path / name).string(), "", 0600, nau::sys::Durability::relaxed);
    }
};

}  // namespace

TEST_CASE("SSL_CERT_FILE is the only bundle when it is set") {
    CHECK(find_system_cas([](const char* name) -> std::optional<std::string> {
              return std::string_view(name) == "SSL_CERT_FILE" ? std::optional("/x/ca.pem")
                                                               : std::nullopt;
          }) == SystemCas{.bundle = "/x/ca.pem"});
}

TEST_CASE("directories of hashed names are told from others") {
    const TemporaryFolder folder;
    CHECK_FALSE(has_hashed_names(folder.path / "absent"));
    CHECK_FALSE(has_hashed_names(folder.path));
    for (const char* name : {"ca-certificates.crt", "0123456g.0", "01234567.x", "01234567"}) {
        folder.touch(name);
    }
    CHECK_FALSE(has_hashed_names(folder.path));
    folder.touch("01234567.0");
    CHECK(has_hashed_names(folder.path));
}

TEST_CASE("a registry's own certificates are found in the first folder that has them") {
    const TemporaryFolder first;
    const TemporaryFolder second;
    const std::vector dirs{first.path / "absent", first.path, second.path};
    const auto find = [&](const char* url) {
        return find_registry_certificates(dirs, parse_url(url).value());
    };
    second.touch("reg:5000/b.crt");
    second.touch("reg:5000/a.crt");
    second.touch("reg:5000/client.cert");
    second.touch("reg:5000/client.key");
    second.touch("reg:5000/readme.txt");
    const auto found = find("https://reg:5000/");
    CHECK(found.cas == std::vector{second.path / "reg:5000/a.crt", second.path / "reg:5000/b.crt"});
    CHECK(found.client_certificate == second.path / "reg:5000/client.cert");
    CHECK(found.client_key == second.path / "reg:5000/client.key");

    CHECK(find("https://reg/").cas.empty());
    CHECK(find("https://other:5000/").cas.empty());
    second.touch("reg/x.crt");
    CHECK(find("https://reg/").cas == std::vector{second.path / "reg/x.crt"});
    first.touch("reg:443/y.crt");
    CHECK(find("https://reg/").cas == std::vector{first.path / "reg:443/y.crt"});

    first.touch("keyless/client.cert");
    CHECK_THROWS_AS(find("https://keyless/"), nau::Error);
}

TEST_CASE("--cert-dir holds the files itself") {
    const TemporaryFolder folder;
    folder.touch("ca.crt");
    folder.touch("me.cert");
    folder.touch("me.key");
    const auto found = nau::oci::read_certificate_folder(folder.path);
    CHECK(found.cas == std::vector{folder.path / "ca.crt"});
    CHECK(found.client_certificate == folder.path / "me.cert");
    CHECK(found.client_key == folder.path / "me.key");
    CHECK_THROWS_AS(nau::oci::read_certificate_folder(folder.path / "absent"), nau::Error);
}
