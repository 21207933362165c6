#pragma once

// What a command accepts, as data: flags, positional arguments, words for help and man page. One
// declaration serves the parser, --help, the man page, the shell completions and the lints, so that
// they cannot disagree.
//
//   Options options;
//   FlagSet flags("nau rm");
//   flags.toggle("-f,--force", "Kill running containers first", options.is_forced);
//   flags.arguments("CONTAINER", options.names).at_least_one().completes(Complete::container);
//   parse(flags, words);          // flag_parser.h
//
// A FlagSet borrows the variables it fills; all its texts are literals that live for ever.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nau::cli {

/// What a shell offers to complete a value with.
enum class Complete : uint8_t { nothing, file, directory, container, running_container, image };
std::string_view to_string(Complete kind) noexcept;

/// Takes the text of one value. @throws Error{invalid}
using Store = std::function<void(std::string_view)>;

struct Flag {
    std::string_view long_name;  ///< without "--"
    char short_name = '\0';      ///< '\0': none
    std::string_view
        value_name;  ///< "BYTES"; empty: a switch, which takes only "=true" or "=false"
    std::string_view description;  ///< a sentence without its full stop, for --help and man page
    std::string_view details;      ///< further sentences, for the man page only
    std::string_view section;      ///< heading it stands under; empty: "Options"
    std::string_view default_text;
    std::vector<std::string_view> choices;  ///< the only values it takes; empty: anything
    Complete completion = Complete::nothing;
    bool is_repeatable = false;
    bool is_hidden = false;
    Store store;

    bool is_switch() const noexcept { return value_name.empty(); }
    /// "--memory", or "-q" for a flag with only a short name.
    std::string display_name() const;

    Flag& defaults_to(std::string_view text) noexcept {
        default_text = text;
        return *this;
    }
    Flag& one_of(std::vector<std::string_view> words) {
        choices = std::move(words);
        return *this;
    }
    Flag& completes(Complete kind) noexcept {
        completion = kind;
        return *this;
    }
    Flag& repeatable() noexcept {
        is_repeatable = true;
        return *this;
    }
    Flag& hidden() noexcept {
        is_hidden = true;
        return *this;
    }
    Flag& explain(std::string_view sentences) noexcept {
        details = sentences;
        return *this;
    }
};

/// One positional argument, or the list at the end.
struct Argument {
    std::string_view name;  ///< "IMAGE"
    Complete completion = Complete::nothing;
    bool is_required = true;
    bool is_list = false;
    Store store;

    Argument& completes(Complete kind) noexcept {
        completion = kind;
        return *this;
    }
    Argument& optional() noexcept {
        is_required = false;
        return *this;
    }
};

/// A flag that podman or docker know and nau refuses by name.
struct RefusedFlag {
    std::string_view names;   ///< "-p,--publish"
    std::string_view reason;  ///< "published ports come with bridge networks"; may be empty
};

class FlagSet {
  public:
    /// `command` is what the user typed to get here, such as "nau run".
    explicit FlagSet(std::string command);
    FlagSet(const FlagSet&) = delete;
    FlagSet& operator=(const FlagSet&) = delete;
    FlagSet(FlagSet&&) = delete;
    FlagSet& operator=(FlagSet&&) = delete;
    ~FlagSet() = default;

    // In all of these `names` is "-m,--memory", "--memory" or "-m".

    Flag& toggle(std::string_view names, std::string_view description, bool& target);
    /// Of three states: said, denied, not mentioned.
    Flag& toggle(std::string_view names, std::string_view description, std::optional<bool>& target);

    /// The overload decides the grammar; every text is checked as a whole.
    template <typename Target>
    Flag& value(std::string_view names,
                std::string_view value_name,
                std::string_view description,
                Target& target) {
        return parsed(names, value_name, description, store_in(target));
    }
    /// May be given several times, each one value.
    Flag& list(std::string_view names,
               std::string_view value_name,
               std::string_view description,
               std::vector<std::string>& target);
    /// A grammar of its own.
    Flag& parsed(std::string_view names,
                 std::string_view value_name,
                 std::string_view description,
                 Store store);

    Argument& argument(std::string_view name, std::string& target);
    /// One or more; .optional() allows none.
    Argument& arguments(std::string_view name, std::vector<std::string>& target);

    /// Flags end at the first positional argument: what follows belongs to the container.
    void stop_at_first_argument() noexcept { stops_at_first_argument_ = true; }
    bool stops_at_first_argument() const noexcept { return stops_at_first_argument_; }

    /// Heading for the flags declared from now on.
    void section(std::string_view heading) noexcept { section_ = heading; }
    /// What stands after "nau run [OPTIONS] " in the usage line.
    void usage(std::string_view text) noexcept { usage_ = text; }
    void description(std::string_view sentences) noexcept { description_ = sentences; }
    void example(std::string_view line) { examples_.push_back(line); }
    void refuse(std::span<const RefusedFlag> flags) noexcept { refused_ = flags; }

    /// The global flags come last and give way to the command's own of the same name.
    void begin_globals() noexcept { first_global_ = flags_.size(); }

    const std::string& command() const noexcept { return command_; }
    std::string_view usage() const noexcept { return usage_; }
    std::string_view description() const noexcept { return description_; }
    std::span<const std::string_view> examples() const noexcept { return examples_; }
    std::span<const RefusedFlag> refused() const noexcept { return refused_; }
    /// Without the global ones.
    std::span<const Flag> own_flags() const noexcept;
    std::span<const Flag> flags() const noexcept { return flags_; }
    std::span<const Argument> arguments() const noexcept { return arguments_; }

    const Flag* find_long(std::string_view name) const noexcept;
    const Flag* find_short(char name) const noexcept;

  private:
    static Store store_in(std::string& target);
    static Store store_in(std::optional<std::string>& target);
    static Store store_in(std::optional<int64_t>& target);
    static Store store_in(std::optional<uint64_t>& target);
    static Store store_in(std::optional<int>& target);
    static Store store_in(std::optional<double>& target);
    static Store store_in(uint64_t& target);
    static Store store_in(std::optional<std::chrono::seconds>& target);

    std::string command_;
    std::vector<Flag> flags_;
    std::vector<Argument> arguments_;
    std::vector<std::string_view> examples_;
    std::span<const RefusedFlag> refused_;
    std::string_view section_;
    std::string_view usage_;
    std::string_view description_;
    std::optional<size_t> first_global_;
    bool stops_at_first_argument_ = false;
};

}  // namespace nau::cli
