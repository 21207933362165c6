#include "oci/registry/url.h"

#include <doctest/doctest.h>

using nau::oci::is_loopback_host;
using nau::oci::is_same_origin;
using nau::oci::parse_url;
using nau::oci::resolve_url;

TEST_CASE("URLs are taken apart and put together") {
    struct Row {
        const char* text;
        const char* scheme;
        const char* host;
        uint16_t port;
        const char* target;
        const char* written;
    };
    for (const auto& row : {
             Row{"https://quay.io", "https", "quay.io", 443, "/", "https://quay.io/"},
             Row{"HTTPS://Quay.IO/", "https", "quay.io", 443, "/", "https://quay.io/"},
             Row{"http://a:80/b", "http", "a", 80, "/b", "http://a/b"},
             Row{"https://a:80/b", "https", "a", 80, "/b", "https://a:80/b"},
             Row{"http://[::1]:5000/v2/?a=b&c=%2f",
                 "http",
                 "[::1]",
                 5000,
                 "/v2/?a=b&c=%2f",
                 "http://[::1]:5000/v2/?a=b&c=%2f"},
             Row{"http://a?b=c", "http", "a", 80, "/?b=c", "http://a/?b=c"},
             Row{"http://a/b#fragment", "http", "a", 80, "/b", "http://a/b"},
             Row{"http://a/b?c@d:e", "http", "a", 80, "/b?c@d:e", "http://a/b?c@d:e"},
         }) {
        CAPTURE(row.text);
        const auto url = parse_url(row.text);
        REQUIRE(url);
        CHECK(url->scheme == row.scheme);
        CHECK(url->host == row.host);
        CHECK(url->port == row.port);
        CHECK(url->target == row.target);
        CHECK(to_string(*url) == row.written);
        CHECK(parse_url(to_string(*url)) == url);
    }
}

TEST_CASE("texts that could mean another host to another reader are refused") {
    for (const char* bad : {"",
                            "quay.io",
                            "//quay.io",
                            "ftp://a",
                            "file:///etc/passwd",
                            "http:/a",
                            "http:a",
                            "http://",
                            "http:///a",
                            "http://user@a/",
                            "http://user:password@a/",
                            "http://a\\@b/",
                            "http://a/\\b",
                            "http://a b/",
                            "http://a/b c",
                            "http://a/b\r\nX: y",
                            "http://a/\x7f",
                            "http://a/\xc3\xa4",
                            "http://a:0/",
                            "http://a:65536/",
                            "http://a:/",
                            "http://a:1:2/",
                            "http://a:+1/",
                            "http://.a/",
                            "http://a..b/",
                            "http://-a/",
                            "http://a%2eb/",
                            "http://[::1/",
                            "http://[fe80::1%25eth0]/",
                            "http://::1/",
                            "http://a/<b>",
                            "ht tp://a/"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_url(bad));
    }
    CHECK_FALSE(parse_url(std::string("http://a/b\0c", 12)));
    CHECK_FALSE(parse_url("http://a/" + std::string(20'000, 'x')));
}

TEST_CASE("a Location is resolved against its URL") {
    const auto base = parse_url("https://host:5000/v2/a/blobs/x?y=z").value();
    struct Row {
        const char* location;
        const char* result;
    };
    for (const auto& row : {Row{"http://other/x", "http://other/x"},
                            Row{"//other/x", "https://other/x"},
                            Row{"/x?y", "https://host:5000/x?y"},
                            Row{"x", "https://host:5000/v2/a/blobs/x"},
                            Row{"x#y", "https://host:5000/v2/a/blobs/x"},
                            Row{"../x", "https://host:5000/v2/a/blobs/../x"},
                            Row{"?q", "https://host:5000/v2/a/blobs/x?q"},
                            Row{"", nullptr},
                            Row{"ftp://other/x", nullptr},
                            Row{"javascript:x", nullptr},
                            Row{"//", nullptr},
                            Row{"/a b", nullptr},
                            Row{"///x", nullptr}}) {
        CAPTURE(row.location);
        const auto url = resolve_url(base, row.location);
        REQUIRE(url.has_value() == (row.result != nullptr));
        if (url) {
            CHECK(to_string(*url) == row.result);
        }
    }
}

TEST_CASE("origins differ by scheme, host or port") {
    const auto same = [](const char* a, const char* b) {
        return is_same_origin(parse_url(a).value(), parse_url(b).value());
    };
    CHECK(same("https://a/x", "https://A:443/y"));
    CHECK_FALSE(same("https://a", "http://a"));
    CHECK_FALSE(same("https://a", "https://a:444"));
    CHECK_FALSE(same("https://a", "https://b.a"));
    CHECK(authority_of(parse_url("https://a:444/x").value()) == "a:444");
    CHECK(authority_of(parse_url("https://a/x").value()) == "a");
}

TEST_CASE("loopback is told by the text") {
    for (const char* host : {"localhost", "127.0.0.1", "127.1.2.3", "[::1]"}) {
        CAPTURE(host);
        CHECK(is_loopback_host(host));
    }
    for (const char* host : {"localhost.example.com",
                             "127.0.0.1.example.com",
                             "127.0.0",
                             "127.0.0.1.",
                             "127.0.0.256",
                             "127.0.0.0x1",
                             "128.0.0.1",
                             "0.0.0.0",
                             "[::2]",
                             "127.0.0.0001",
                             ""}) {
        CAPTURE(host);
        CHECK_FALSE(is_loopback_host(host));
    }
}

TEST_CASE("query values are encoded") {
    CHECK(nau::oci::percent_encode("repository:a/b:pull,push ~x") ==
          "repository%3Aa%2Fb%3Apull%2Cpush%20~x");
    CHECK(nau::oci::percent_encode("\xff&=") == "%FF%26%3D");
}
