#include "sys/capabilities.h"

#include <doctest/doctest.h>

using namespace nau;
using sys::CapabilitySet;

TEST_CASE("capability names in any spelling") {
    for (const char* name : {"CAP_SYS_ADMIN", "cap_sys_admin", "SYS_ADMIN", "sys_admin"}) {
        CHECK(sys::parse_capability(name) == 21);
    }
    CHECK(sys::parse_capability("chown") == 0);
    for (const char* name : {"", "CAP_", "all", "sys_admin ", "21", "cap_21", "sys_admin,chown"}) {
        CAPTURE(name);
        CHECK_FALSE(sys::parse_capability(name).has_value());
    }
    CHECK_FALSE(sys::parse_capability(std::string_view("chown\0x", 7)).has_value());
}

TEST_CASE("numbers have names, unknown ones too") {
    CHECK(sys::capability_name(0) == "CAP_CHOWN");
    CHECK(sys::capability_name(40) == "CAP_CHECKPOINT_RESTORE");
    CHECK(sys::capability_name(60) == "CAP_60");
    for (unsigned number = 0; number <= 40; ++number) {
        CHECK(sys::parse_capability(sys::capability_name(number)) == number);
    }
}

TEST_CASE("the kernel's last capability") {
    CHECK(sys::last_capability() >= 37);
    CHECK(sys::last_capability() < 64);
}

TEST_CASE("sets") {
    CapabilitySet set;
    CHECK(set.is_empty());
    set.add(0);
    set.add(40);
    set.add(64);
    CHECK(set.mask() == ((uint64_t{1} << 40) | 1));
    CHECK(set.contains(40));
    CHECK_FALSE(set.contains(64));
    CHECK(set.names() == std::vector<std::string>{"CAP_CHOWN", "CAP_CHECKPOINT_RESTORE"});
    set.remove(0);
    CHECK(set == CapabilitySet(uint64_t{1} << 40));
    CHECK(CapabilitySet::all_up_to(2).mask() == 7);
    CHECK(CapabilitySet::all_up_to(63).mask() == ~uint64_t{0});
    CHECK((CapabilitySet(6) - CapabilitySet(3)).mask() == 4);
    CHECK((CapabilitySet(6) & CapabilitySet(3)).mask() == 2);
    CHECK((CapabilitySet(6) | CapabilitySet(3)).mask() == 7);
}

TEST_CASE("own sets are consistent") {
    const auto own = sys::own_capabilities();
    CHECK((own.effective - own.permitted).is_empty());
    CHECK((own.ambient - own.permitted).is_empty());
}
