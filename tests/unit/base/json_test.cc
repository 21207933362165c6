#include "base/json.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "base/error.h"

using nau::json::Field;

namespace {

std::string error_of(const char* text, void (*read)(const Field&)) {
    const auto document = nau::json::parse(text, "config");
    try {
        read(Field(document, "config"));
    } catch (const nau::Error& error) {
        return error.text();
    }
    return "no error";
}

}  // namespace

TEST_CASE("typed access names the place of the wrong value") {
    CHECK(error_of(R"({"a":{"b":[1,"x"]}})", [](const Field& f) {
              (void)f.at("a").at("b").as_string_list();
          }) == "config: a: b: element 0 is not a string");
    CHECK(error_of(R"({"a":1})", [](const Field& f) { (void)f.at("z"); }) == "config: has no 'z'");
    CHECK(error_of(R"([])", [](const Field& f) { (void)f.find("z"); }) ==
          "config: is not an object");
    CHECK(error_of(R"({"n":-1})", [](const Field& f) { (void)f.at("n").as_uint64(); }) ==
          "config: n: is not an unsigned integer of 64 bits");
}

TEST_CASE("null is absent, defaults apply to the absent only") {
    const auto document = nau::json::parse(R"({"a":null,"s":"x","n":5,"m":{"k":"v"}})", "t");
    const Field field(document, "t");
    CHECK(field.find("a").has_value() == false);
    CHECK(field.string_or("a", "d") == "d");
    CHECK(field.string_or("s", "d") == "x");
    CHECK(field.int64_or("n", 1) == 5);
    CHECK(field.string_map_or_empty("m").at("k") == "v");
    CHECK_THROWS_AS((void)field.bool_or("n", true), nau::Error);
}

TEST_CASE("broken and bottomless documents are refused") {
    CHECK_THROWS_AS(nau::json::parse("{", "t"), nau::Error);
    CHECK_THROWS_AS(nau::json::parse(std::string(100000, '['), "t"), nau::Error);
    CHECK_THROWS_AS(nau::json::parse(std::string(200, '[') + std::string(200, ']'), "t"),
                    nau::Error);
}
