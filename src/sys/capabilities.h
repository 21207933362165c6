#pragma once

// Capabilities as numbers and as names, and sets of them as 64-bit masks. The implementation is the
// only home of libcap, which is used for its table of names; sets are changed by capset(2) through
// sys/raw.h.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nau::sys {

/// "CAP_CHOWN", "cap_chown", "chown": any case, with or without the prefix. nullopt when libcap
/// knows no such name; "all" is not one.
std::optional<unsigned> parse_capability(std::string_view name);

/// "CAP_CHOWN"; a number without a name is "CAP_41".
std::string capability_name(unsigned number);

/// The highest number the running kernel knows (/proc/sys/kernel/cap_last_cap; where /proc is
/// missing, by asking prctl). Reads at each call: keep the result. @throws SysError
unsigned last_capability();

class CapabilitySet {
  public:
    constexpr CapabilitySet() noexcept = default;
    constexpr explicit CapabilitySet(uint64_t mask) noexcept : mask_(mask) {}

    /// All from 0 to `last`.
    static constexpr CapabilitySet all_up_to(unsigned last) noexcept {
        return CapabilitySet(last >= 63 ? ~uint64_t{0} : (uint64_t{1} << (last + 1)) - 1);
    }

    constexpr uint64_t mask() const noexcept { return mask_; }
    constexpr bool contains(unsigned number) const noexcept {
        return number < 64 && (mask_ >> number & 1U) != 0;
    }
    constexpr bool is_empty() const noexcept { return mask_ == 0; }
    constexpr void add(unsigned number) noexcept {
        mask_ |= number < 64 ? uint64_t{1} << number : 0;
    }
    constexpr void remove(unsigned number) noexcept {
        mask_ &= number < 64 ? ~(uint64_t{1} << number) : ~uint64_t{0};
    }

    friend constexpr CapabilitySet operator|(CapabilitySet a, CapabilitySet b) noexcept {
        return CapabilitySet(a.mask_ | b.mask_);
    }
    friend constexpr CapabilitySet operator&(CapabilitySet a, CapabilitySet b) noexcept {
        return CapabilitySet(a.mask_ & b.mask_);
    }
    friend constexpr CapabilitySet operator-(CapabilitySet a, CapabilitySet b) noexcept {
        return CapabilitySet(a.mask_ & ~b.mask_);
    }
    friend constexpr bool operator==(CapabilitySet, CapabilitySet) noexcept = default;

    /// Names in the order of the numbers.
    std::vector<std::string> names() const;

  private:
    uint64_t mask_ = 0;
};

/// The five sets of a process, as /proc/<pid>/status shows them.
struct ProcessCapabilities {
    CapabilitySet inheritable;
    CapabilitySet permitted;
    CapabilitySet effective;
    CapabilitySet bounding;
    CapabilitySet ambient;
};

/// Of the calling process. @throws SysError
ProcessCapabilities own_capabilities();

}  // namespace nau::sys
