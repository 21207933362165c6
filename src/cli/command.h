#pragma once

// A command as the table sees it: one line of help and a way to make an invocation, in which the
// command's options live and are declared. Only the called command's flags are ever built, unless
// somebody asks for all (--help of everything, __commands).
//
//   row ─ make() ─▶ Invocation ─ parse(flags, words) ─▶ run(context) ─▶ exit status

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cli/flag_set.h"

namespace nau::cli {

class Context;

class Invocation {
  public:
    explicit Invocation(std::string command) : flags_(std::move(command)) {}
    Invocation(const Invocation&) = delete;
    Invocation& operator=(const Invocation&) = delete;
    Invocation(Invocation&&) = delete;
    Invocation& operator=(Invocation&&) = delete;
    virtual ~Invocation() = default;

    FlagSet& flags() noexcept { return flags_; }
    const FlagSet& flags() const noexcept { return flags_; }
    /// @pre the flags have been parsed
    virtual int run(Context& context) const = 0;

  private:
    FlagSet flags_;
};

struct Command {
    std::string_view summary;  ///< help line and NAME of the man page, without a full stop
    /// `path` is what the user types: "nau container rm".
    std::unique_ptr<Invocation> (*make)(std::string path);
};

template <typename Options>
using DeclareFunction = void (*)(FlagSet&, Options&);
template <typename Options>
using RunFunction = int (*)(Context&, const Options&);

template <typename Options, DeclareFunction<Options> declare, RunFunction<Options> execute>
class OptionsInvocation final : public Invocation {
  public:
    explicit OptionsInvocation(std::string path) : Invocation(std::move(path)) {
        declare(flags(), options_);
    }
    int run(Context& context) const override { return execute(context, options_); }

  private:
    Options options_;
};

/// What a command's file exports: `constinit const Command rm = make_command<Options, declare,
/// run>("…")`.
template <typename Options, DeclareFunction<Options> declare, RunFunction<Options> execute>
constexpr Command make_command(std::string_view summary) {
    return {
        .summary = summary, .make = [](std::string path) -> std::unique_ptr<Invocation> {
            return std::make_unique<OptionsInvocation<Options, declare, execute>>(std::move(path));
        }};
}

enum class Listing : uint8_t {
    shown,
    alias,   ///< works, but help and completion show the row above it only
    hidden,  ///< for nau itself
};

/// One name by which a command can be called; the order is that of help.
struct CommandRow {
    std::string_view group;  ///< "" for "nau rm", "container" for "nau container rm"
    std::string_view name;
    const Command* command;
    Listing listing = Listing::shown;
};

struct CommandGroup {
    std::string_view name;
    std::string_view summary;
};

/// The whole command line of a program.
struct CommandTable {
    std::span<const CommandRow> rows;
    std::span<const CommandGroup> groups;

    const CommandRow* find(std::string_view group, std::string_view name) const noexcept;
    const CommandGroup* find_group(std::string_view name) const noexcept;
};

}  // namespace nau::cli
