#include "engine/container/container_name.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

#include "base/error.h"

namespace nau::engine {

namespace {

constexpr size_t kMaxLength = 255;

constexpr std::array<std::string_view, 100> kQualities = {
    "agile",  "amber",    "ancient", "ardent",  "azure",   "balmy",   "bold",     "brave",
    "breezy", "bright",   "brisk",   "calm",    "candid",  "cheery",  "clever",   "cosmic",
    "cozy",   "crimson",  "crisp",   "curious", "dapper",  "daring",  "dazzling", "deft",
    "dreamy", "eager",    "early",   "earnest", "elegant", "epic",    "fabled",   "fair",
    "famous", "fearless", "festive", "fleet",   "fluent",  "frosty",  "gallant",  "gentle",
    "gifted", "glad",     "golden",  "grand",   "happy",   "hardy",   "honest",   "humble",
    "icy",    "ivory",    "jolly",   "jovial",  "keen",    "kind",    "lively",   "loyal",
    "lucid",  "lucky",    "lunar",   "mellow",  "merry",   "mighty",  "misty",    "modest",
    "nimble", "noble",    "novel",   "patient", "placid",  "playful", "plucky",   "polite",
    "proud",  "quaint",   "quick",   "quiet",   "radiant", "rapid",   "rare",     "ready",
    "robust", "rustic",   "serene",  "sharp",   "silent",  "silver",  "sincere",  "sleek",
    "smart",  "snug",     "solar",   "steady",  "stoic",   "sturdy",  "sunny",    "swift",
    "tidy",   "vivid",    "warm",    "witty"};

constexpr std::array<std::string_view, 100> kAnimals = {
    "alpaca",    "badger",  "bat",     "bear",     "beaver",  "bee",        "bison",   "bobcat",
    "camel",     "caribou", "cat",     "cheetah",  "cicada",  "cobra",      "condor",  "coyote",
    "crab",      "crane",   "cricket", "crow",     "deer",    "dingo",      "dolphin", "dove",
    "dragonfly", "duck",    "eagle",   "egret",    "elk",     "falcon",     "ferret",  "finch",
    "firefly",   "fox",     "frog",    "gazelle",  "gecko",   "gibbon",     "goat",    "goose",
    "gull",      "hare",    "hawk",    "hedgehog", "heron",   "horse",      "ibex",    "ibis",
    "iguana",    "jackal",  "jaguar",  "jay",      "kestrel", "kingfisher", "kiwi",    "koala",
    "lark",      "lemur",   "leopard", "lion",     "lizard",  "llama",      "lobster", "lynx",
    "magpie",    "mantis",  "marmot",  "marten",   "mole",    "moose",      "moth",    "narwhal",
    "newt",      "octopus", "orca",    "osprey",   "otter",   "owl",        "panda",   "panther",
    "pelican",   "penguin", "puffin",  "puma",     "quail",   "rabbit",     "raccoon", "raven",
    "robin",     "salmon",  "seal",    "sparrow",  "squid",   "stork",      "swallow", "swan",
    "tapir",     "tiger",   "turtle",  "walrus"};

bool is_alphanumeric(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

void check_container_name(std::string_view name) {
    const bool is_valid = !name.empty() && name.size() <= kMaxLength &&
                          is_alphanumeric(name.front()) &&
                          std::all_of(name.begin(), name.end(), [](char c) {
                              return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
                          });
    if (!is_valid) {
        throw Error(ErrorKind::invalid, "invalid container name '{}'", name)
            .with_hint(
                "names are letters, digits, '_', '.' and '-', and begin with a letter or digit");
    }
}

std::string make_container_name(uint64_t random) {
    const auto quality = kQualities.at(random % kQualities.size());
    const auto animal = kAnimals.at(random / kQualities.size() % kAnimals.size());
    return fmt::format("{}_{}", quality, animal);
}

}  // namespace nau::engine
