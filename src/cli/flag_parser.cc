#include "cli/flag_parser.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/error.h"
#include "base/parse.h"
#include "cli/suggest.h"
#include "cli/usage_error.h"

namespace nau::cli {

namespace {

bool is_flag(std::string_view word) noexcept {
    return word.size() > 1 && word.front() == '-';
}

class Parser {
  public:
    Parser(const FlagSet& flags, std::span<const char* const> words)
        : flags_(flags), words_(words) {}

    ParseOutcome read_all();
    PrefixOutcome read_prefix();

  private:
    /// true: the word was a flag (and its value).
    void read_long(std::string_view word);
    void read_shorts(std::string_view word);
    void read_argument(std::string_view word);
    void check_arguments() const;

    std::string_view next_value(const Flag& flag, std::string_view word);
    void store(const Flag& flag, std::string_view text);
    [[noreturn]] void fail_unknown(std::string_view word, std::string_view name) const;
    const RefusedFlag* find_refused(std::string_view name) const;

    const FlagSet& flags_;
    std::span<const char* const> words_;
    size_t next_ = 0;
    size_t argument_ = 0;  ///< index of the argument that the next word fills
    size_t in_list_ = 0;   ///< words in the list so far
    bool wants_help_ = false;
};

ParseOutcome Parser::read_all() {
    bool flags_ended = false;
    while (next_ < words_.size() && !wants_help_) {
        const std::string_view word = words_[next_++];
        if (flags_ended || !is_flag(word)) {
            read_argument(word);
            flags_ended = flags_ended || flags_.stops_at_first_argument();
        } else if (word == "--") {
            flags_ended = true;
        } else if (word.starts_with("--")) {
            read_long(word);
        } else {
            read_shorts(word);
        }
    }
    if (wants_help_) {
        return ParseOutcome::help;
    }
    check_arguments();
    return ParseOutcome::run;
}

PrefixOutcome Parser::read_prefix() {
    while (next_ < words_.size() && !wants_help_) {
        const std::string_view word = words_[next_];
        if (!is_flag(word)) {
            break;
        }
        ++next_;
        if (word == "--") {
            break;
        }
        if (word.starts_with("--")) {
            read_long(word);
        } else {
            read_shorts(word);
        }
    }
    return {.outcome = wants_help_ ? ParseOutcome::help : ParseOutcome::run, .words_used = next_};
}

void Parser::read_long(std::string_view word) {
    const std::string_view body = word.substr(2);
    const size_t equals = body.find('=');
    const std::string_view name = body.substr(0, equals);
    const Flag* flag = flags_.find_long(name);
    if (flag == nullptr) {
        if (name == "help" && equals == body.npos) {
            wants_help_ = true;
            return;
        }
        fail_unknown(word.substr(0, equals == body.npos ? equals : equals + 2), name);
    }
    if (equals != body.npos) {
        store(*flag, body.substr(equals + 1));
    } else {
        store(*flag, flag->is_switch() ? "true" : next_value(*flag, word));
    }
}

void Parser::read_shorts(std::string_view word) {
    for (size_t i = 1; i < word.size(); ++i) {
        const Flag* flag = flags_.find_short(word[i]);
        if (flag == nullptr) {
            if (word[i] == 'h') {
                wants_help_ = true;
                return;
            }
            fail_unknown(fmt::format("-{}", word[i]), word.substr(i, 1));
        }
        std::string_view rest = word.substr(i + 1);
        if (flag->is_switch() && !rest.starts_with('=')) {
            store(*flag, "true");
            continue;
        }
        if (rest.starts_with('=')) {
            rest.remove_prefix(1);
            store(*flag, rest);
        } else {
            store(*flag, rest.empty() ? next_value(*flag, word) : rest);
        }
        return;
    }
}

void Parser::read_argument(std::string_view word) {
    const auto arguments = flags_.arguments();
    if (argument_ >= arguments.size()) {
        throw UsageError(
            flags_.command(), "'{}' takes no further argument '{}'", flags_.command(), word);
    }
    const Argument& argument = arguments[argument_];
    argument.store(word);
    if (argument.is_list) {
        ++in_list_;
    } else {
        ++argument_;
    }
}

void Parser::check_arguments() const {
    const auto arguments = flags_.arguments();
    if (argument_ >= arguments.size()) {
        return;
    }
    const Argument& argument = arguments[argument_];
    if (!argument.is_required || in_list_ > 0) {
        return;
    }
    throw UsageError(flags_.command(),
                     "'{}' needs {} {}",
                     flags_.command(),
                     argument.is_list ? "at least one" : "the argument",
                     argument.name);
}

std::string_view Parser::next_value(const Flag& flag, std::string_view word) {
    if (next_ >= words_.size()) {
        throw UsageError(flags_.command(), "{} needs a value ({})", word, flag.value_name);
    }
    return words_[next_++];
}

void Parser::store(const Flag& flag, std::string_view text) {
    const auto& choices = flag.choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) {
        throw UsageError(flags_.command(),
                         "invalid value '{}' for {}: must be one of {}",
                         text,
                         flag.display_name(),
                         fmt::join(choices, ", "));
    }
    try {
        flag.store(text);
    } catch (const Error& error) {
        UsageError usage(flags_.command(),
                         "invalid value '{}' for {}: {}",
                         text,
                         flag.display_name(),
                         error.text());
        usage.with_hint(error.hint());
        throw usage;
    }
}

const RefusedFlag* Parser::find_refused(std::string_view name) const {
    for (const RefusedFlag& refused : flags_.refused()) {
        for (const std::string_view alias : split(refused.names, ',')) {
            const std::string_view bare = alias.substr(alias.find_first_not_of('-'));
            if (bare == name) {
                return &refused;
            }
        }
    }
    return nullptr;
}

void Parser::fail_unknown(std::string_view word, std::string_view name) const {
    if (const RefusedFlag* refused = find_refused(name)) {
        throw UsageError(flags_.command(),
                         "{} is not supported by nau yet{}{}",
                         word,
                         refused->reason.empty() ? "" : ": ",
                         refused->reason);
    }
    std::vector<std::string_view> known;
    for (const Flag& flag : flags_.flags()) {
        if (!flag.is_hidden && !flag.long_name.empty()) {
            known.push_back(flag.long_name);
        }
    }
    const std::string_view guess = nearest_word(name, known);
    if (guess.empty()) {
        throw UsageError(flags_.command(), "unknown flag '{}'", word);
    }
    throw UsageError(flags_.command(), "unknown flag '{}', did you mean '--{}'?", word, guess);
}

}  // namespace

ParseOutcome parse(const FlagSet& flags, std::span<const char* const> words) {
    return Parser(flags, words).read_all();
}

PrefixOutcome parse_prefix(const FlagSet& flags, std::span<const char* const> words) {
    return Parser(flags, words).read_prefix();
}

}  // namespace nau::cli
