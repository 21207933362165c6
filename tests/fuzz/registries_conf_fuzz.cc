#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "base/error.h"
#include "config/registries_conf.h"

// What is accepted can be used: a rule that is found is a prefix of what was asked for, laying the
// file over itself changes nothing, and the first source of a short name has a registry.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace nau::config;  // NOLINT(google-build-using-namespace): a test of that module
    try {
        const std::string_view text(reinterpret_cast<const char*>(data), size);
        const RegistriesConf conf = parse_registries_conf(text, "fuzz");
        RegistriesConf twice = conf;
        merge_registries_conf(twice, conf);
        NAU_ASSERT(twice == conf);
        for (const std::string_view name :
             {"docker.io/library/alpine", "a.example:5000/b/c", "x.y.example/z"}) {
            (void)find_rule(conf, name);
            for (const auto& source : pull_sources(conf, name, ":1")) {
                NAU_ASSERT(!source.name.empty());
            }
        }
        for (const auto& reference : resolve_short_name(conf, "alpine:3").references) {
            NAU_ASSERT(!is_short_name(reference));
        }
    } catch (const nau::Error& error) {
        NAU_ASSERT(error.kind() == nau::ErrorKind::invalid ||
                   error.kind() == nau::ErrorKind::permission_denied);
    }
    return 0;
}
