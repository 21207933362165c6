#include "oci/registry/credentials.h"

#include <filesystem>
#include <map>

#include <doctest/doctest.h>

#include "base/error.h"
#include "oci/base64.h"
#include "sys/file.h"

using nau::oci::CredentialOptions;
using nau::oci::Credentials;
using nau::oci::encode_base64;
using nau::oci::FileCredentials;
using nau::oci::find_in_auth_file;

namespace {

std::string entry(const std::string& user_and_password) {
    return R"({"auth":")" + encode_base64(user_and_password) + R"("})";
}

/// Auth file with one key.
std::string file_with(const std::string& key, const std::string& user_and_password) {
    return R"({"auths":{")" + key + R"(":)" + entry(user_and_password) + "}}";
}

std::string user_in(const std::string& text,
                    const std::string& registry,
                    const std::string& repository = "") {
    const auto found = find_in_auth_file(text, "auth.json", registry, repository);
    return found ? found->username : "-";
}

struct TemporaryHome {
    std::filesystem::path path =
        nau::sys::make_temporary_directory(std::filesystem::temp_directory_path(), "nau-test-");
    std::map<std::string, std::string> variables = {{"HOME", path.string()}};

    TemporaryHome() = default;
    TemporaryHome(const TemporaryHome&) = delete;
    TemporaryHome& operator=(const TemporaryHome&) = delete;
    ~TemporaryHome() { std::filesystem::remove_all(path); }

    void write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories((path / name).parent_path());
        nau::sys::write_file_atomic(
            (path / name).string(), text, 0600, nau::sys::Durability::relaxed);
    }

    std::string user(const std::string& registry, CredentialOptions options = {}) const {
        options.environment = [this](const char* name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        };
        FileCredentials credentials(options);
        const auto found = credentials.find(registry, "");
        return found ? found->username : "-";
    }
};

}  // namespace

TEST_CASE("entries are found by registry, however they are written") {
    struct Row {
        const char* key;
        const char* registry;
        bool is_found;
    };
    for (const auto& row : {
             Row{"quay.io", "quay.io", true},
             Row{"https://quay.io", "quay.io", true},
             Row{"https://quay.io/v2/", "quay.io", true},
             Row{"quay.io/", "quay.io", true},
             Row{"QUAY.io", "quay.io", true},
             Row{"https://index.docker.io/v1/", "docker.io", true},
             Row{"index.docker.io/v1/", "docker.io", true},
             Row{"docker.io", "docker.io", true},
             Row{"registry-1.docker.io", "docker.io", true},
             Row{"localhost:5000", "localhost:5000", true},
             Row{"localhost:5000", "localhost:5001", false},
             Row{"localhost", "localhost:5000", false},
             Row{"quay.io", "evil-quay.io", false},
             Row{"quay.io", "quay.io.evil", false},
         }) {
        CAPTURE(row.key);
        CHECK(user_in(file_with(row.key, "u:p"), row.registry) == (row.is_found ? "u" : "-"));
    }
}

TEST_CASE("the most specific namespace wins") {
    const std::string text = R"({"auths":{"quay.io":)" + entry("all:p") + R"(,"quay.io/org":)" +
                             entry("org:p") + R"(,"quay.io/org/app":)" + entry("app:p") + "}}";
    CHECK(user_in(text, "quay.io", "org/app") == "app");
    CHECK(user_in(text, "quay.io", "org/other") == "org");
    CHECK(user_in(text, "quay.io", "organisation/app") == "all");
    CHECK(user_in(text, "quay.io", "") == "all");
    CHECK(user_in(file_with("quay.io/org", "org:p"), "quay.io", "other") == "-");
}

TEST_CASE("the forms of an entry") {
    const auto find = [](const std::string& text) {
        return find_in_auth_file(R"({"auths":{"a":)" + text + "}}", "f", "a", "");
    };
    CHECK(find(entry("user:pass:word")) ==
          Credentials{.username = "user", .password = "pass:word"});
    CHECK(find(entry(std::string("user:pass\0\0", 11))) ==
          Credentials{.username = "user", .password = "pass"});
    CHECK(find(R"({"username":"u","password":"p"})") ==
          Credentials{.username = "u", .password = "p"});
    CHECK(find(R"({"auth":")" + encode_base64("<token>:") + R"(","identitytoken":"t"})") ==
          Credentials{.username = "<token>", .identity_token = "t"});
    CHECK(find("{}") == std::nullopt);
    CHECK(find(R"({"auth":""})") == std::nullopt);
    CHECK(find_in_auth_file("{}", "f", "a", "") == std::nullopt);
    CHECK(find_in_auth_file(R"({"auths":null,"credsStore":"x"})", "f", "a", "") == std::nullopt);
}

TEST_CASE("errors about auth files name the place and never the secret") {
    for (const std::string& text : {std::string("not json hunter2"),
                                    std::string(R"({"auths":[]})"),
                                    std::string(R"({"auths":{"a":{"auth":"hunter2"}}})"),
                                    std::string(R"({"auths":{"a":{"auth":"aHVudGVyMg=="}}})"),
                                    std::string(R"({"auths":{"a":{"auth":7}}})"),
                                    std::string(R"({"auths":{"a":"hunter2"}})")}) {
        CAPTURE(text);
        try {
            (void)find_in_auth_file(text, "/x/auth.json", "a", "");
            FAIL("accepted");
        } catch (const nau::Error& error) {
            CHECK(error.kind() == nau::ErrorKind::corrupt);
            CHECK(error.text().find("/x/auth.json") == 0);
            CHECK(error.text().find("hunter2") == std::string::npos);
        }
    }
}

TEST_CASE("files are read in the documented order") {
    TemporaryHome home;
    CHECK(home.user("a") == "-");

    home.write(".docker/config.json", file_with("a", "docker:p"));
    CHECK(home.user("a") == "docker");

    home.write("docker-config/config.json", file_with("a", "docker-config:p"));
    home.variables["DOCKER_CONFIG"] = (home.path / "docker-config").string();
    CHECK(home.user("a") == "docker-config");

    home.write(".config/containers/auth.json", file_with("a", "containers:p"));
    CHECK(home.user("a") == "containers");

    home.write("run/containers/auth.json", file_with("a", "run:p"));
    home.variables["XDG_RUNTIME_DIR"] = (home.path / "run").string();
    CHECK(home.user("a") == "run");
    // A file that does not know the registry leaves the question to the next.
    home.write("run/containers/auth.json", file_with("b", "run:p"));
    CHECK(home.user("a") == "containers");
    home.write("run/containers/auth.json", " \n");
    CHECK(home.user("a") == "containers");

    home.write("named.json", file_with("b", "named:p"));
    home.variables["REGISTRY_AUTH_FILE"] = (home.path / "named.json").string();
    CHECK(home.user("a") == "-");
    CHECK(home.user("b") == "named");

    home.write("flag.json", file_with("a", "flag:p"));
    CHECK(home.user("a", {.authfile = home.path / "flag.json"}) == "flag");
    CHECK_THROWS_WITH_AS(home.user("a", {.authfile = "/nonexistent/auth.json"}),
                         "auth file '/nonexistent/auth.json' does not exist",
                         nau::Error);

    CHECK(home.user("a", {.creds = "me:secret"}) == "me");
    CHECK(home.user("a", {.creds = "me"}) == "me");
    CHECK_THROWS_WITH_AS(
        home.user("a", {.creds = ":secret"}), "invalid --creds: is not USER:PASSWORD", nau::Error);
}
